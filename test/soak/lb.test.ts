import { shortSoak } from "./short.ts";

describe("soak, the short form: lb", function () {
  this.timeout(300_000);

  it("random operations end as desired while lb is killed now and then", () => shortSoak("lb"));
});
