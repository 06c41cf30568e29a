// Public face of the accesskey noun: keys for programs, and who a credential speaks for.
export {
  type Authenticator,
  type CredentialSource,
  createAuthenticator,
} from "./authenticate.ts";
export {
  Accesskey,
  AccesskeyChanges,
  CreatedAccesskey,
  NewAccesskey,
} from "./record.ts";
export { type Accesskeys, createAccesskeys } from "./service.ts";
