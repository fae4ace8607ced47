/** The entry for bundlers: with what is loaded late elsewhere, as nothing lies beside a bundle that it could be loaded from. */
import * as cel from "@marcbachmann/cel-js";
import * as prices from "@pydantic/genai-prices";
import micromatch from "micromatch";
import * as yaml from "yaml";
import { providePackages } from "./own-package.ts";

export * from "./index.ts";

providePackages({ "@marcbachmann/cel-js": cel, "@pydantic/genai-prices": prices, micromatch, yaml });
