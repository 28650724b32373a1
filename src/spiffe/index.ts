export * from "./credentials.ts";
export * from "./errors.ts";
export * from "./id.ts";
export * from "./jwt.ts";
export * from "./source.ts";
export { workloadService } from "./workload.ts";
export * from "./x509.ts";
