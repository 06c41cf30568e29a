// Why a named database cannot be used, as one line for people.
import { Client, DatabaseError } from "pg";
import { Problem } from "../kernel/problem.ts";
import { StartRefusal } from "../kernel/start-refusal.ts";

/** Where a database is, without its password. */
interface Place {
  readonly server: string;
  readonly user: string;
  readonly database: string;
}

/** Where the URL leads. Errors: StartRefusal where it cannot be read; its text does not show the URL, which holds a password. */
export function placeOf(url: string): Place {
  try {
    const { host, port, user, database } = new Client({ connectionString: url });
    const server = host.startsWith("/") ? `${host} (a socket)` : `${host}:${port}`;
    return { server, user: user ?? "", database: database ?? "" };
  } catch (reason) {
    const text = reason instanceof Error ? reason.message : String(reason);
    throw new StartRefusal(
      `database.url: it cannot be read (${text}). Write postgres://user:password@host:5432/database, with %-codes for signs such as @ : / in the password`,
      { cause: reason },
    );
  }
}

/** The refusal for what went wrong, or the reason itself where it is none of the operator's. */
export function explainDatabase(reason: unknown, place: Place): unknown {
  const found = reason instanceof Problem && reason.cause !== undefined ? reason.cause : reason;
  if (found instanceof StartRefusal || !(found instanceof Error)) return reason;
  const told = sentence(found, place);
  return told === null ? reason : new StartRefusal(`database.url: ${told}`, { cause: reason });
}

function sentence(reason: Error, { server, user, database }: Place): string | null {
  const code = (reason as NodeJS.ErrnoException).code ?? "";
  if (reason instanceof DatabaseError) return refused(reason, code, { server, user, database });
  switch (code) {
    case "ECONNREFUSED":
      return `nothing answers at ${server} (connection refused). Start PostgreSQL there, or correct host and port`;
    case "ENOENT":
      return `there is no database at ${server} (no such socket). Start PostgreSQL, or correct host and port`;
    case "EACCES":
      return `user ${process.getuid?.() ?? "?"} may not use ${server}. Give it the right to, or use a host name`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host of ${server} is unknown (${code}). Correct the name, or look at the machine's name service`;
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `${server} cannot be reached (${code}). Look at host, port and firewalls`;
    case "ECONNRESET":
    case "EPIPE":
      return `${server} broke the connection off. Is it PostgreSQL, and does it accept this machine?`;
    default:
  }
  if (/timeout exceeded when trying to connect|timeout expired/i.test(reason.message)) {
    return `${server} does not answer. Look at host, port and firewalls, and whether it is PostgreSQL`;
  }
  if (/does not support SSL/i.test(reason.message)) {
    return `${server} has no TLS, but the URL asks for it. Remove sslmode from the URL, or switch TLS on there`;
  }
  if (/certificate|self[- ]signed|CERT_|UNABLE_TO_/i.test(`${code} ${reason.message}`)) {
    return `the certificate of ${server} is not trusted (${reason.message}). Add sslrootcert=/path/ca.pem to the URL, or sslmode=no-verify in a network that you trust`;
  }
  if (/connection terminated|password must be a string|unexpected message/i.test(reason.message)) {
    return /password must be a string/i.test(reason.message)
      ? `${server} wants a password for user ${user}, the URL has none. Add it`
      : `${server} broke the connection off. Is it PostgreSQL, and does it accept this machine?`;
  }
  return null;
}

// SQLSTATE, PostgreSQL's manual, appendix A.
function refused(
  reason: DatabaseError,
  code: string,
  { server, user, database }: Place,
): string | null {
  switch (code) {
    case "28P01":
      return `${server} refuses user ${user}: the password is wrong. Correct the URL`;
    case "28000":
      return `${server} refuses user ${user} (${reason.message}). Make the user, or allow it in pg_hba.conf`;
    case "3D000":
      return `${server} has no database ${database}. Make it: CREATE DATABASE "${database}" OWNER "${user}"`;
    case "42501":
      return `user ${user} may not make tables in database ${database} of ${server} (${reason.message}). Make it the owner: ALTER DATABASE "${database}" OWNER TO "${user}"`;
    case "25006":
      return `database ${database} of ${server} is read-only (a standby?). Name the primary server`;
    case "53300":
      return `${server} has no connection left (${reason.message}). Raise max_connections there, or lower database.connections_max`;
    case "57P03":
      return `${server} is just starting or stopping (${reason.message}). Try again in a moment`;
    case "53100":
      return `the disk of ${server} is full. Free some space there`;
    case "0A000":
      return `${server} does not know what Parley needs (${reason.message}). Is it PostgreSQL 15 or newer?`;
    default:
      return null;
  }
}
