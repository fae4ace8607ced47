/** Default of `api.endpoint`; apart from its schema, because the command line needs nothing else of it. */
export const DEFAULT_API_ENDPOINT = "127.0.0.1:4320";
