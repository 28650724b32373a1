import { BenchError } from "../../../src/bench/errors.ts";
import { startKubernetes, type Kubernetes, type KubernetesOptions } from "./server.ts";

const START_MS = 300_000;
const TEST_MS = 60_000;

/** An API server for the tests of the suite, which is skipped with the reason where there can be none. */
export function useKubernetes(options?: KubernetesOptions): () => Kubernetes {
  let server: Kubernetes | undefined;
  before(async function () {
    this.timeout(START_MS);
    try {
      server = await startKubernetes(options);
    } catch (error) {
      if (!BenchError.is(error, "SKIP")) throw error;
      console.log(`      skipped: ${error.message}`);
      this.skip();
    }
  });
  beforeEach(function () {
    this.timeout(TEST_MS);
  });
  after(async function () {
    this.timeout(TEST_MS);
    await server?.stop();
  });
  return () => {
    if (server === undefined) throw new Error("the suite has no API server");
    return server;
  };
}
