/** Loaded before every test file: what tests draw comes of one seed, so that a run says of the same code what the last one said. */
import fc from "fast-check";

const given = process.env["VPPLB_SEED"] ?? "20";

/** `VPPLB_SEED` is another number, or `random`: a new one for every process. A failure names it. */
export const SEED = given === "random" ? Date.now() >>> 0 : Number(given);
if (!Number.isInteger(SEED)) throw new Error(`VPPLB_SEED is "${given}": give an integer, or "random"`);

fc.configureGlobal({ seed: SEED });
