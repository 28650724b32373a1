import assert from "node:assert/strict";
import { ApiSchema, builtinSchema } from "vpp-api-ts/codec";
import { definitions, exchanges, nameCrc, need, plain, shaped } from "./recordings.ts";

const files = ["26.06", "26.10-rc0"].flatMap((version) =>
  ["exchanges", "exchanges-streams"].map((name) => `${version}/${name}.jsonl`),
);

describe("recorded messages of VPP", () => {
  for (const file of files) {
    it(`${file}: decoded as recorded, encoded byte for byte`, function () {
      const recorded = exchanges(need(this, file));
      assert.ok(recorded.length > 100);
      const schema = builtinSchema();
      for (const exchange of recorded) {
        const codec = schema.messages.get(nameCrc(exchange));
        assert.ok(codec, `${nameCrc(exchange)} is not among the checked-in messages`);
        const payload = Buffer.from(exchange.hex, "hex");
        const decoded = codec.decode(payload);
        assert.deepEqual(plain(decoded), exchange.fields, exchange.step);
        const again = codec.encode(payload.readUInt16BE(0), decoded);
        assert.equal(Buffer.from(again).toString("hex"), exchange.hex, `${exchange.name} decoded and encoded`);
      }
    });

    it(`${file}: recorded fields alone encode to the recorded bytes`, function () {
      const schema = ApiSchema.compile(definitions(need(this, `api/${file.split("/")[0]}`)));
      for (const exchange of exchanges(need(this, file))) {
        const codec = schema.messages.get(nameCrc(exchange));
        assert.ok(codec, nameCrc(exchange));
        // The decoded message tells only which fields are bytes; every value is the recorded one.
        const value = shaped(exchange.fields, codec.decode(Buffer.from(exchange.hex, "hex")));
        const bytes = codec.encode(parseInt(exchange.hex.slice(0, 4), 16), value as Record<string, unknown>);
        assert.equal(Buffer.from(bytes).toString("hex"), exchange.hex, exchange.step);
      }
    });
  }
});
