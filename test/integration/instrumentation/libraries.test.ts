/** The SDKs, held to what `test/support/libraries/suite.ts` holds every library to. */
import { LIBRARIES } from "../../support/libraries/index.ts";
import { holdToThePromises } from "../../support/libraries/suite.ts";

holdToThePromises(LIBRARIES);
