/**
 * Bodies of multipart/form-data: the statement in the field `query`, any parameter in a field of its name, and files as
 * external tables. `@clickhouse/client` sends long query parameters so, clickhouse-go external tables.
 * @see https://clickhouse.com/docs/engines/table-engines/special/external-data
 *
 * Such a body is held in memory, so its bound is lower than that of insert data. Node's own parser reads it.
 */
import { EngineError } from "./engine-error.ts";
import { quoteIdentifier, quoteString } from "./quoting.ts";

const FORM_BYTES_MAX = 64 * 1024 * 1024;
const FIELDS_MAX = 10_000;

/** A table that exists for one query. */
export interface ExternalTable {
  readonly name: string;
  readonly file: File;
}

/** A form's fields and files, in order. */
export interface Form {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly tables: readonly ExternalTable[];
}

/** Whether a request with this Content-Type has a form for a body. */
export function isForm(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^multipart\/form-data\b/i.test(contentType);
}

/** @throws EngineError for a body that is too large or no form */
export async function readForm(body: AsyncIterable<Buffer>, contentType: string): Promise<Form> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > FORM_BYTES_MAX) {
      const detail = `A multipart body is larger than ${FORM_BYTES_MAX} bytes`;
      throw new EngineError({ code: 54, name: "QUERY_IS_TOO_LARGE", detail });
    }
    chunks.push(chunk);
  }
  const fields: [string, string][] = [];
  const tables: ExternalTable[] = [];
  for (const [name, value] of await parse(Buffer.concat(chunks), contentType)) {
    if (fields.length + tables.length >= FIELDS_MAX) throw formError(`more than ${FIELDS_MAX} parts`);
    if (typeof value === "string") fields.push([name, value]);
    else tables.push({ name, file: value });
  }
  return { fields, tables };
}

async function parse(body: Buffer<ArrayBuffer>, contentType: string): Promise<FormData> {
  try {
    return await new Response(body, { headers: { "Content-Type": contentType } }).formData();
  } catch (error) {
    throw formError(error instanceof Error ? error.message : String(error), error);
  }
}

function formError(reason: string, cause?: unknown): EngineError {
  const detail = `Cannot read the multipart body: ${reason}`;
  return new EngineError({ code: 117, name: "INCORRECT_DATA", detail, cause });
}

/** The statements that make an external table of the bytes at `path`, as `parameters` describe it. */
export function tableStatements(name: string, path: string, parameters: URLSearchParams): readonly string[] {
  const types = parameters.get(`${name}_types`);
  const structure =
    parameters.get(`${name}_structure`) ??
    types
      ?.split(",")
      .map((type, index) => `_${index + 1} ${type}`)
      .join(", ");
  const format = parameters.get(`${name}_format`) ?? "TabSeparated";
  if (structure === undefined || !/^\w{1,64}$/.test(format)) {
    const detail = `The external table ${JSON.stringify(name)} has no structure, or no format that is a name`;
    throw new EngineError({ code: 36, name: "BAD_ARGUMENTS", detail });
  }
  const table = quoteIdentifier(name);
  return [
    // By way of null(), the structure is a string and can't be more than that.
    `CREATE TEMPORARY TABLE ${table} ENGINE = Memory AS SELECT * FROM null(${quoteString(structure)})`,
    `INSERT INTO ${table} FROM INFILE ${quoteString(path)} COMPRESSION 'none' FORMAT ${format}`,
  ];
}
