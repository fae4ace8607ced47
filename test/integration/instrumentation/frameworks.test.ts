/** The frameworks, held to what `test/support/libraries/suite.ts` holds every library to. */
import { hookFrameworks } from "../../support/framework-rig.ts";
import { holdToThePromises } from "../../support/libraries/suite.ts";

hookFrameworks();
const { FRAMEWORKS } = await import("../../support/frameworks/index.ts");
holdToThePromises(FRAMEWORKS);
