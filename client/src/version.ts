// The SDK's own version, as package.json has it.

/** Version of this SDK; the server that serves it has the same. */
export const version = "0.1.0";
