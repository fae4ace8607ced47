import { expect, test } from "vitest";
import { isForm, readForm, tableStatements } from "../../../../src/storage/embedded/multipart.ts";

const TYPE = "multipart/form-data; boundary=xyz";

async function* chunks(...texts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

test("fields and files are read in order, bytes unchanged", async () => {
  const file = Buffer.from([0, 13, 10, 255, 45, 45, 120]);
  const form = await readForm(
    chunks(
      '--xyz\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {x:String} -- é\r\n',
      '--xyz\r\nContent-Disposition: form-data; name="param_x"\r\n\r\na\r\nb\r\n--x',
      'yz\r\nContent-Disposition: form-data; name="ids"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n',
      file,
      "\r\n--xyz--\r\n",
    ),
    TYPE,
  );
  expect(form.fields).toEqual([
    ["query", "SELECT {x:String} -- é"],
    ["param_x", "a\r\nb"],
  ]);
  const [table] = form.tables;
  expect(table?.name).toBe("ids");
  expect(await table?.file.bytes()).toEqual(new Uint8Array(file));
});

test.each(["", "--xyz", "--abc\r\n\r\n", '--xyz\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT 1'])(
  "%j is no form, and said to be none",
  async (body) => {
    await expect(readForm(chunks(body), TYPE)).rejects.toMatchObject({ code: 117 });
  },
);

test("a form beyond the bound is refused before it is read to the end", async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      given += 1;
      yield Buffer.alloc(1024 * 1024);
    }
  }
  await expect(readForm(endless(), TYPE)).rejects.toMatchObject({ code: 54 });
  expect(given).toBe(65);
});

test.each([
  [TYPE, true],
  ["Multipart/Form-Data;boundary=a", true],
  ["application/x-www-form-urlencoded", false],
  [undefined, false],
])("%s is a form: %s", (type, is) => {
  expect(isForm(type)).toBe(is);
});

test("an external table's structure stays a string, whatever is in it", () => {
  const hostile = "a UInt8') ENGINE = File(CSV) --\\";
  const [create, insert] = tableStatements(
    "i`d",
    "/tmp/x'y",
    new URLSearchParams({ "i`d_structure": hostile, "i`d_format": "Native" }),
  );
  expect(create).toBe(
    "CREATE TEMPORARY TABLE `i\\`d` ENGINE = Memory AS SELECT * FROM null('a UInt8\\') ENGINE = File(CSV) --\\\\')",
  );
  expect(insert).toBe("INSERT INTO `i\\`d` FROM INFILE '/tmp/x\\'y' COMPRESSION 'none' FORMAT Native");
});

test("types alone name the columns _1, _2; the format is TabSeparated if none is given", () => {
  const [create, insert] = tableStatements("t", "p", new URLSearchParams({ t_types: "UInt8,String" }));
  expect(create).toContain("null('_1 UInt8, _2 String')");
  expect(insert).toContain("FORMAT TabSeparated");
});

test("without structure, or with a format that is no name, it is refused", () => {
  expect(() => tableStatements("t", "p", new URLSearchParams())).toThrow("BAD_ARGUMENTS");
  const format = new URLSearchParams({ t_structure: "a UInt8", t_format: "CSV; DROP" });
  expect(() => tableStatements("t", "p", format)).toThrow("BAD_ARGUMENTS");
});
