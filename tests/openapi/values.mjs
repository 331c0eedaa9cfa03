// Random values by a JSON Schema of the document: of the keywords that the gateway's descriptions
// use. A value that breaks a rule which this does not follow is found by the validator, and made
// anew.

/// A generator of numbers from 0 to 1 (mulberry32), so that a failure can be repeated.
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789_';
const MOST_DEPTH = 6;

export class Values {
  constructor(document, seed) {
    this.document = document;
    this.next = random(seed);
  }

  resolve(schema) {
    if (!schema.$ref) return schema;
    return schema.$ref.slice(2).split('/').reduce((node, name) => node[name], this.document);
  }

  upTo(count) {
    return Math.floor(this.next() * count);
  }

  one(list) {
    return list[this.upTo(list.length)];
  }

  string({ minLength = 0, maxLength = 12 }) {
    const length = minLength + this.upTo(Math.min(maxLength, minLength + 12) - minLength + 1);
    return Array.from({ length }, () => this.one(LETTERS)).join('');
  }

  number({ type, minimum = -1000, maximum = 1000 }) {
    const value = minimum + this.next() * (maximum - minimum);
    return type === 'integer' ? Math.round(value) : value;
  }

  array(schema, depth) {
    const { items = {}, contains, minItems = 0, maxItems = 4 } = schema;
    const length = minItems + this.upTo(maxItems - minItems + 1);
    const list = Array.from({ length }, () => this.of(items, depth + 1));
    return contains ? [...list, this.of(contains, depth + 1)] : list;
  }

  object({ properties = {}, required = [] }, depth) {
    const wanted = name => required.includes(name) || (depth < MOST_DEPTH && this.next() < 0.5);
    const members = Object.entries(properties).filter(([name]) => wanted(name));
    return Object.fromEntries(members.map(([name, schema]) => [name, this.of(schema, depth + 1)]));
  }

  of(reference, depth = 0) {
    const schema = this.resolve(reference);
    if ('const' in schema) return schema.const;
    if (schema.enum) return this.one(schema.enum);
    if (schema.examples) return this.one(schema.examples);
    if (schema.oneOf) return this.of(this.one(schema.oneOf), depth);
    if (schema.type === 'string') return this.string(schema);
    if (schema.type === 'integer' || schema.type === 'number') return this.number(schema);
    if (schema.type === 'boolean') return this.next() < 0.5;
    if (schema.type === 'array') return this.array(schema, depth);
    const parts = (schema.allOf ?? []).map(part => this.of(part, depth));
    return Object.assign({}, ...parts, this.object(schema, depth));
  }
}
