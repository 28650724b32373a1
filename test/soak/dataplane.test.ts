import { shortSoak } from "./short.ts";

describe("soak, the short form: dataplane", function () {
  this.timeout(300_000);

  it("random operations end as desired while dataplane is killed now and then", () => shortSoak("dataplane"));
});
