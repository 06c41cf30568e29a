// Our clients in Python and the packages that they need, which requirements.txt pins.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pythonEnvironment } from "../harness/python.ts";

const folder = join(import.meta.dirname, "python");
const requirements = join(folder, "requirements.txt");

/** Python with the pinned packages. */
export const packages = pythonEnvironment("clients", requirements);

/** Path of one of our programs in Python. */
export const script = (name: string): string => join(folder, name);

/** Version of a package as requirements.txt pins it. */
export function pinned(name: string): string {
  const found = new RegExp(`^${name}==(\\S+)`, "m").exec(readFileSync(requirements, "utf8"))?.[1];
  if (found === undefined) throw new Error(`${name} is not in ${requirements}`);
  return found;
}
