// Draws the manual from openapi.json. Everything is set as text: nothing in the document can become markup.
const main = document.getElementById("routes");
const contents = document.getElementById("contents");
const search = document.getElementById("search");
const found = document.getElementById("found");

/** An element with attributes and children; texts stay texts. */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

// `code` in a sentence.
function sentence(text) {
  return String(text)
    .split("`")
    .map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));
}

const refName = (schema) => schema?.$ref?.split("/").at(-1) ?? null;

function typeOf(schema) {
  if (!schema) return "";
  const name = refName(schema);
  if (name) return name;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.type === "array") return `${typeOf(schema.items)}[]`;
  return schema.format ? `${schema.type}, ${schema.format}` : (schema.type ?? "anything");
}

function limitsOf(schema) {
  const range = (low, high, unit) => {
    if (low === undefined && high === undefined) return "";
    if (high === undefined) return `At least ${low}${unit}.`;
    return low === undefined ? `At most ${high}${unit}.` : `${low} to ${high}${unit}.`;
  };
  return [
    range(schema?.minimum, schema?.maximum, ""),
    range(schema?.minLength, schema?.maxLength, " characters"),
    range(schema?.minItems, schema?.maxItems, " items"),
  ]
    .filter(Boolean)
    .join(" ");
}

// The type as code; names of objects lead to them.
function typeNode(schema) {
  const name = refName(schema) ?? refName(schema?.items);
  const code = el("code", {}, typeOf(schema));
  return name ? el("a", { href: `#schema-${name}` }, code) : code;
}

const resolve = (document_, schema) =>
  refName(schema) ? document_.components.schemas[refName(schema)] : schema;

function fieldTable(document_, schema) {
  const read = resolve(document_, schema);
  const properties = Object.entries(read?.properties ?? {});
  if (properties.length === 0) return null;
  const rows = properties.map(([name, property]) => {
    const known = resolve(document_, property);
    const notes = [property.description ?? known?.description ?? "", limitsOf(known)];
    return el(
      "tr",
      {},
      el("td", {}, el("code", {}, name), (read.required ?? []).includes(name) ? "" : " (optional)"),
      el("td", {}, typeNode(property)),
      el("td", {}, ...sentence(notes.filter(Boolean).join(" "))),
    );
  });
  const head = el("tr", {}, el("th", {}, "Member"), el("th", {}, "Type"), el("th", {}, ""));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function exampleOf(document_, schema, depth = 0) {
  const read = resolve(document_, schema);
  if (!read || depth > 3) return null;
  if (read.examples) return read.examples[0];
  if (read.enum) return read.enum[0];
  if (read.type === "object") {
    const required = read.required ?? [];
    const members = Object.entries(read.properties ?? {}).filter(([name]) =>
      required.includes(name),
    );
    return Object.fromEntries(
      members.map(([name, property]) => [name, exampleOf(document_, property, depth + 1)]),
    );
  }
  if (read.type === "array") return [];
  if (read.type === "integer" || read.type === "number") return read.minimum ?? 0;
  if (read.type === "boolean") return false;
  return read.format === "uuid" ? "00000000-0000-0000-0000-000000000000" : "text";
}

function curlOf(document_, path, method, operation) {
  if (operation["x-example"]) return operation["x-example"];
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  const at = path.replaceAll(/\{(\w+)\}/g, (_, name) => `$${name.toUpperCase()}`);
  const token = operation["x-auth"] === "none" ? "" : "?token=$TOKEN";
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  const data = body ? ` \\\n  --data-raw '${JSON.stringify(exampleOf(document_, body))}'` : "";
  return `curl${verb} "$URL${at}${token}"${data}`;
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https:// there is no clipboard for pages: what is marked can be copied, by us or by hand.
    getSelection().selectAllChildren(button.nextElementSibling);
    return document.execCommand("copy");
  }
}

function copyButton(text) {
  const button = el("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text, button)) ? "Copied" : "Copy it by hand";
    // biome-ignore lint/style/noRestrictedGlobals: this runs in a browser
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  return button;
}

const who = {
  none: "for everybody",
  any: "for customers, and with a join token",
  customer: "for customers",
};

function parametersOf(parameters) {
  if (!parameters?.length) return [];
  const rows = parameters.map((one) =>
    el(
      "tr",
      {},
      el("td", {}, el("code", {}, one.name), one.required ? "" : " (optional)"),
      el("td", {}, `${one.in}: `, el("code", {}, typeOf(one.schema))),
      el("td", {}, ...sentence([one.description ?? "", limitsOf(one.schema)].join(" "))),
    ),
  );
  return [el("h4", {}, "Parameters"), el("table", {}, el("tbody", {}, ...rows))];
}

function repliesOf(document_, responses) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const schema = Object.values(response.content ?? {})[0]?.schema;
    const list = resolve(document_, schema)?.properties?.result;
    const shape = typeNode(list ?? schema);
    return el(
      "tr",
      {},
      el("td", {}, el("code", {}, status)),
      el("td", {}, ...sentence(response.description)),
      el("td", {}, status < 400 ? shape : ""),
    );
  });
  return [el("h4", {}, "Answers"), el("table", {}, el("tbody", {}, ...rows))];
}

function articleOf(document_, path, method, operation) {
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const command = curlOf(document_, path, method, operation);
  return el(
    "article",
    { id: operation.operationId },
    el("h3", {}, el("span", { class: `method ${method}` }, method.toUpperCase()), path),
    el(
      "p",
      {},
      `${operation.summary} `,
      el("span", { class: "who" }, `– ${who[operation["x-auth"]]}`),
    ),
    operation.description ? el("p", {}, ...sentence(operation.description)) : null,
    el("pre", {}, copyButton(command), el("code", {}, command)),
    ...parametersOf(operation.parameters),
    ...bodies.flatMap(([type, { schema }]) => {
      const table = fieldTable(document_, schema);
      return [el("h4", {}, `Body, ${type}`), table ?? el("p", {}, "Text.")];
    }),
    ...repliesOf(document_, operation.responses),
  );
}

function schemaArticle(document_, name, schema) {
  return el(
    "article",
    { id: `schema-${name}` },
    el("h3", {}, name),
    schema.description ? el("p", {}, ...sentence(schema.description)) : null,
    fieldTable(document_, schema),
  );
}

const link = (id, ...label) => el("li", {}, el("a", { href: `#${id}` }, ...label));

/** Draws routes by chapter, then the objects. */
function draw(document_) {
  const chapters = new Map(document_.tags.map(({ name }) => [name, []]));
  for (const [path, operations] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      chapters.get(operation.tags[0])?.push({ path, method, operation });
    }
  }
  const articles = [];
  contents.replaceChildren();
  for (const [chapter, routes] of chapters) {
    const list = el("ul");
    for (const { path, method, operation } of routes) {
      articles.push(articleOf(document_, path, method, operation));
      const verb = el("span", { class: `method ${method}` }, `${method.toUpperCase()} `);
      list.append(link(operation.operationId, verb, operation.summary));
    }
    contents.append(el("section", {}, el("h2", {}, chapter), list));
  }
  const objects = el("ul");
  for (const [name, schema] of Object.entries(document_.components.schemas)) {
    articles.push(schemaArticle(document_, name, schema));
    objects.append(link(`schema-${name}`, name));
  }
  contents.append(el("section", {}, el("h2", {}, "Objects"), objects));
  const intro = el("section", {}, el("p", {}, ...sentence(document_.info.description)));
  intro.append(
    el(
      "p",
      {},
      "A token comes from ",
      el("code", {}, "POST /auth/login"),
      " and goes into ",
      el("code", {}, "?token="),
      " or ",
      el("code", {}, "Authorization: Bearer"),
      ". The machine-readable form of this page is ",
      el("a", { href: "/v1.0/openapi.json" }, "openapi.json"),
      ".",
    ),
  );
  main.replaceChildren(intro, ...articles);
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const article of main.querySelectorAll("article")) {
    const text = article.textContent.toLowerCase();
    const is_shown = words.every((word) => text.includes(word));
    article.hidden = !is_shown;
    const entry = contents.querySelector(`a[href="#${CSS.escape(article.id)}"]`)?.parentElement;
    if (entry) entry.hidden = !is_shown;
    if (is_shown) shown += 1;
  }
  for (const section of contents.querySelectorAll("section")) {
    section.hidden = [...section.querySelectorAll("li")].every((entry) => entry.hidden);
  }
  found.textContent = words.length === 0 ? "" : `${shown} found`;
}

search.addEventListener("input", filter);
try {
  // biome-ignore lint/style/noRestrictedGlobals: this runs in a browser
  const reply = await fetch("/v1.0/openapi.json");
  if (!reply.ok) throw new Error(`answered ${reply.status}`);
  draw(await reply.json());
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (reason) {
  main.replaceChildren(
    el("p", { role: "alert" }, `openapi.json could not be read: ${reason.message}`),
  );
}
