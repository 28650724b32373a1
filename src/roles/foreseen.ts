import { ControllerError, explainForeseen as foresee } from "../controller/index.ts";

/**
 * Where a flow would go in a VPP that holds a desired state, without any VPP.
 * @throws ControllerError INPUT for a flow that is none
 */
export const explainForeseen: typeof foresee = (flow, desired, weights) => {
  try {
    return foresee(flow, desired, weights);
  } catch (cause) {
    throw new ControllerError("INPUT", (cause as Error).message, { cause });
  }
};
