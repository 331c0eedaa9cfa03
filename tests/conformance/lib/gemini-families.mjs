// What the service takes of each family of models (as of 2026-11): an oracle of its own, so that a gateway's data can be wrong.
const LOW_TO_HIGH = ['low', 'medium', 'high'];
const ALL = ['minimal', ...LOW_TO_HIGH];
const GEMINI = { output: 65536, system: true, functions: true, search: 'with-flag', resultParts: true, signatures: 'required', sampling: true, lastTurnOfModel: true, levels: ALL };
const F4 = { ...GEMINI, sampling: false, lastTurnOfModel: false, levels: LOW_TO_HIGH, continuation: true, output: Infinity };
const GEMMA = { output: 32768, system: false, functions: true, search: 'none', resultParts: false, signatures: 'refused', sampling: true, lastTurnOfModel: true, levels: ['minimal', 'high'], thoughts: false };

// [prefix of the name, rules]; the first that fits counts.
const FAMILIES = [
  ['gemma-3', { ...GEMMA, functions: false, levels: [] }],
  ['gemma-', GEMMA],
  [/-image|nano-banana/, { ...GEMINI, functions: false, signatures: 'optional', thoughts: false }],
  ['gemini-2.5-pro', { ...GEMINI, search: 'alone', resultParts: false, signatures: 'optional', levels: [], budget: [128, 32768] }],
  ['gemini-2.5-flash-lite', { ...GEMINI, search: 'alone', resultParts: false, signatures: 'optional', levels: [], budget: [512, 24576], off: true }],
  ['gemini-2', { ...GEMINI, search: 'alone', resultParts: false, signatures: 'optional', levels: [], budget: [0, 24576], off: true }],
  ['gemini-3.5-flash-lite', { ...GEMINI, sampling: false, lastTurnOfModel: false }],
  ['gemini-3.6-flash', { ...GEMINI, sampling: false, lastTurnOfModel: false }],
  [/^gemini-3\.[78]-flash/, { ...GEMINI, sampling: false, lastTurnOfModel: false, levels: LOW_TO_HIGH }],
  [/^gemini-3(\.1)?-pro/, { ...GEMINI, levels: LOW_TO_HIGH }],
  [/^gemini-3[.-]/, GEMINI],
  [/^gemini-4-(hydrogen|neon)/, { ...F4, levels: [...LOW_TO_HIGH, 'xhigh'] }],
];

export const familyOf = model => FAMILIES.find(([name]) => (name instanceof RegExp ? name.test(model) : model.startsWith(name)))?.[1] ?? F4;
