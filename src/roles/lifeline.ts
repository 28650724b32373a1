export { watchLifeline } from "../sys/lifeline.ts";
