// What the service refuses of function declarations, in its words.
const NAME = /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/;
const NAME_RULE = 'Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.';
const MOST_DECLARATIONS = 512;
const MOST_DEPTH = 32;

export function lintDeclarations(tools, out) {
  const seen = new Set();
  tools.forEach((tool, i) => (tool.functionDeclarations ?? []).forEach((fn, j) => {
    const where = `GenerateContentRequest.tools[${i}].function_declarations[${j}]`;
    if (!NAME.test(fn.name)) out.push(`* ${where}.name: [FIELD_INVALID] ${NAME_RULE}`);
    if (seen.has(fn.name)) out.push(`Duplicate function declaration found: ${fn.name}`);
    seen.add(fn.name);
    if (fn.parameters !== undefined && fn.parametersJsonSchema !== undefined) out.push(`* ${where}: parameters and parameters_json_schema are mutually exclusive`);
    if (fn.parameters !== undefined) lintOpenApi(fn.parameters, `${where}.parameters`, out);
    if (fn.parametersJsonSchema !== undefined) lintJsonSchema(fn.parametersJsonSchema, `${where}.parameters_json_schema`, out);
  }));
  if (seen.size > MOST_DECLARATIONS) out.push(`At most ${MOST_DECLARATIONS} function declarations can be specified.`);
}

// The keys of the service's own Schema: any other is no field of it.
const OPENAPI = new Set(['anyOf', 'default', 'description', 'enum', 'example', 'format', 'items', 'maxItems', 'maxLength', 'maxProperties', 'maximum', 'minItems', 'minLength', 'minProperties', 'minimum', 'nullable', 'pattern', 'properties', 'propertyOrdering', 'required', 'title', 'type']);

function lintOpenApi(schema, where, out) {
  if (!isObject(schema)) return out.push(`Invalid value at '${where}'`);
  const type = String(schema.type ?? '').toLowerCase();
  for (const key of Object.keys(schema)) if (!OPENAPI.has(key)) out.push(`Invalid JSON payload received. Unknown name "${key}" at '${where}': Cannot find field.`);
  if (!type && !schema.anyOf) out.push(`* ${where}.type: must be specified`);
  if (type === 'array' && schema.items === undefined) out.push(`* ${where}.items: missing field.`);
  if (schema.enum && type !== 'string') out.push(`* ${where}.enum: only allowed for STRING type`);
  (schema.enum ?? []).forEach((value, i) => { if (value === '') out.push(`* ${where}.enum[${i}]: cannot be empty`); });
  (schema.required ?? []).forEach((name, i) => { if (!Object.hasOwn(schema.properties ?? {}, name)) out.push(`* ${where}.required[${i}]: property is not defined`); });
  if (type === 'string' && ![undefined, 'enum', 'date-time'].includes(schema.format)) out.push(`* ${where}.format: only 'enum' and 'date-time' are supported for STRING type`);
  for (const [name, child] of Object.entries(schema.properties ?? {})) lintOpenApi(child, `${where}.properties[${name}]`, out);
  if (schema.items !== undefined) lintOpenApi(schema.items, `${where}.items`, out);
  (schema.anyOf ?? []).forEach((child, i) => lintOpenApi(child, `${where}.any_of[${i}]`, out));
}

// Only what names a schema by `$ref` may stand beside it.
const BESIDE_REF = new Set(['$ref', 'description', 'default', '$defs', 'definitions']);

function lintJsonSchema(root, where, out) {
  if (!isObject(root) || (root.type !== 'object' && root.$ref === undefined)) return out.push(`* ${where}: schema at top-level must be of type object`);
  const walk = (schema, at, depth) => {
    if (!isObject(schema)) return;
    if (depth > MOST_DEPTH) return out.push(`* ${where}: exceeds the maximum schema depth`);
    if (schema.$ref !== undefined) lintReference(schema, at);
    for (const [key, child] of subschemas(schema)) walk(child, `${at}.${key}`, depth + 1);
  };
  const lintReference = (schema, at) => {
    const beside = Object.keys(schema).filter(key => !BESIDE_REF.has(key));
    if (beside.length) out.push(`* ${at}: $ref ${schema.$ref} was set alongside unsupported fields. If a schema node has $ref set, then only description and default can be set alongside it`);
    if (!resolves(root, schema.$ref)) out.push(`* ${at}: reference to undefined schema at ${schema.$ref}`);
  };
  walk(root, where, 0);
}

function* subschemas(schema) {
  for (const key of ['properties', '$defs', 'definitions']) for (const [name, child] of Object.entries(schema[key] ?? {})) yield [`${key}.${name}`, child];
  for (const key of ['items', 'additionalProperties']) yield [key, schema[key]];
  for (const key of ['anyOf', 'oneOf', 'prefixItems']) for (const [i, child] of (schema[key] ?? []).entries()) yield [`${key}[${i}]`, child];
}

function resolves(root, reference) {
  if (!reference.startsWith('#/')) return reference === '#';
  const names = reference.slice(2).split('/').map(name => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'));
  return names.reduce((node, name) => (isObject(node) && Object.hasOwn(node, name) ? node[name] : undefined), root) !== undefined;
}

const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);
