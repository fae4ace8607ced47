/** `node --import @tollgate/instrumentation/register agent.js`: gates the process before any of the app's modules load. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  throw new Error(`@tollgate/instrumentation needs Node 22.15 or newer; this is ${process.versions.node}`);
}
// Imported only now: older versions could not even parse what follows.
const { registerTollgate } = await import("./registration/register-tollgate.ts");
registerTollgate({ isPreload: true });

export {};
