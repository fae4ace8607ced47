/** `node --import @tollgate/instrumentation/register agent.js`: gates the process before any of the app's modules load. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isSupported = major > 22 || (major === 22 && minor >= 15);
if (!isSupported) {
  const problem = `@tollgate/instrumentation needs Node 22.15 or newer; this is ${process.versions.node}`;
  // A child that was only given the registration (hook-children.ts) by its parent must not fail for it.
  if (!import.meta.url.endsWith("?inherited")) throw new Error(problem);
  process.stderr.write(`[tollgate] error: this process is not gated: ${problem}\n`);
}
// Imported only now: older versions could not even parse what follows.
if (isSupported) {
  const { CAN_HOOK, HAS_FRONT } = await import("./registration/module-hooks.ts");
  if (HAS_FRONT) {
    const { installFront } = await import("./registration/front.ts");
    installFront();
  } else {
    const { registerTollgate } = await import("./registration/register-tollgate.ts");
    const { ready } = registerTollgate({ isPreload: CAN_HOOK });
    // Without hooks, known libraries are loaded now, before the app has them.
    if (!CAN_HOOK) await ready;
  }
}

export {};
