/**
 * Writes `.oxlintrc.json`: the rules chosen here plus the import layers of `test/support/layers.ts`, one override a
 * folder. `node scripts/generate-lint-config.ts` after a change; a test proves that the file is fresh.
 */
import { writeFileSync } from "node:fs";
import { LAYERS } from "../test/support/layers.ts";

const RULES = {
  "eslint/eqeqeq": "error",
  "eslint/no-console": "error",
  "eslint/no-eval": "error",
  "eslint/no-var": "error",
  "eslint/prefer-const": "error",
  "import/no-cycle": "error",
  "import/no-default-export": "error",
  "node/no-process-env": "error",
  "typescript/await-thenable": "error",
  "typescript/consistent-type-imports": "error",
  "typescript/no-explicit-any": "error",
  "typescript/no-floating-promises": ["error", { ignoreVoid: true }],
  "typescript/no-misused-promises": "error",
  "typescript/no-non-null-assertion": "error",
  "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
  "unicorn/filename-case": "error",
  // The second argument is the message that a failing expectation prints.
  "vitest/valid-expect": ["error", { maxArgs: 2 }],
} as const;

/** Where the rule in question is the file's very purpose. */
const EXCEPTIONS = [
  {
    files: ["src/cli/**", "src/main.ts", "src/demo/**", "scripts/**", "bench/**", "test/**"],
    rules: { "eslint/no-console": "off" },
  },
  {
    files: [
      "src/config/**",
      "src/main.ts",
      "src/demo/**",
      "instrumentation/src/config/**",
      "scripts/**",
      "bench/**",
      "test/**",
    ],
    rules: { "node/no-process-env": "off" },
  },
  { files: ["vitest.config.ts"], rules: { "import/no-default-export": "off" } },
];

/** `src/` imports only the pure subpaths of the instrumentation (the tidy test checks the positive list). */
const IMPURE_ENTRIES = ["@tollgate/instrumentation", "@tollgate/instrumentation/register"].map((name) => ({
  name,
  message: "src/ imports only the pure subpaths of the instrumentation",
}));

function layerOverride(folder: string): object {
  const allowed = new Set([folder, "telemetry", ...(LAYERS[folder] ?? [])]);
  const refused = Object.keys(LAYERS).filter((other) => other !== "main" && !allowed.has(other));
  return {
    files: [folder === "main" ? "src/main.ts" : `src/${folder}/**`],
    rules: {
      "eslint/no-restricted-imports": [
        "error",
        {
          paths: IMPURE_ENTRIES,
          patterns: [
            {
              regex: `^(\\.\\./)+(${refused.join("|")})/`,
              message: `src/${folder} may not import this folder: see test/support/layers.ts`,
            },
          ],
        },
      ],
    },
  };
}

/** The whole configuration, as it stands in `.oxlintrc.json`. */
export function lintConfig(): string {
  const config = {
    $schema: "./node_modules/oxlint/configuration_schema.json",
    plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "node", "promise", "vitest"],
    categories: { correctness: "error" },
    env: { node: true, es2024: true },
    rules: RULES,
    ignorePatterns: ["dist/**", "instrumentation/dist/**", "test/fixtures/**"],
    overrides: [
      ...Object.keys(LAYERS).map(layerOverride),
      {
        files: ["instrumentation/src/**"],
        rules: {
          "eslint/no-restricted-imports": [
            "error",
            {
              patterns: [{ regex: "(^|/)src/|^tollgate", message: "the instrumentation never imports the processor" }],
            },
          ],
        },
      },
      ...EXCEPTIONS,
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(new URL("../.oxlintrc.json", import.meta.url), lintConfig());
