/** The controller's types as its users across the control socket see them. */
export type * from "../controller/types.ts";
