/** Tables of other controllers, as its users across the control socket read them. */
export { fetchDigests, parseDigests } from "../controller/replicas.ts";
