/**
 * Completes `package-lock.json` with the platform packages that npm left out: `node scripts/complete-lockfile.mjs` after every
 * change of a dependency. npm omits an optional package that the registry in use does not serve (a mirror may carry only
 * the platform it runs on), and `npm ci` then refuses the lockfile as out of sync. The entries written here have the exact version
 * that the parent asks for and the platform that the name says, and no integrity, because nothing was downloaded.
 * `--check` writes nothing and exits with 1 when an entry is missing. Plain JavaScript: it runs before anything is installed.
 */
import { readFileSync, writeFileSync } from "node:fs";

const LOCKFILE = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["darwin", "win32", "linux", "android", "freebsd", "openbsd", "netbsd", "sunos", "aix", "openharmony"];
const PROCESSORS = ["arm64", "x64", "ia32", "arm", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32"];
const EXACT = /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;

const lock = JSON.parse(readFileSync(LOCKFILE, "utf8"));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue;
    const platform = platformOf(name);
    if (!EXACT.test(version) || platform === undefined) {
      console.error(`${path} wants ${name}@${version}: no platform package with an exact version; lock it by hand`);
      process.exitCode = 1;
      continue;
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}

if (process.argv.includes("--check")) {
  for (const name of added) console.error(`package-lock.json lacks ${name}: run node scripts/complete-lockfile.mjs`);
  if (added.length > 0) process.exitCode = 1;
} else if (added.length > 0) {
  const [root, ...others] = Object.entries(lock.packages);
  others.sort(([left], [right]) => (left < right ? -1 : 1));
  lock.packages = Object.fromEntries([root, ...others]);
  writeFileSync(LOCKFILE, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: added ${added.length} platform packages`);
}

/** As Node resolves it: beside the parent, or in any folder above. */
function isLocked(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const prefix = folder === "" ? "" : `${folder}/`;
    if (lock.packages[`${prefix}node_modules/${name}`] !== undefined) return true;
    if (folder === "" || !folder.includes("node_modules/")) return lock.packages[`node_modules/${name}`] !== undefined;
  }
}

function platformOf(name) {
  const words = name.split(/[/_-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  const libc = words.includes("musl") ? "musl" : words.includes("gnu") ? "glibc" : undefined;
  if (cpu === undefined) return undefined;
  return { cpu: [cpu], ...(os === undefined ? {} : { os: [os] }), ...(libc === undefined ? {} : { libc: [libc] }) };
}
