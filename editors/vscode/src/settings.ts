// Which settings the server gets, and from where. Pure: VS Code's configuration comes in as a value.

/** What `WorkspaceConfiguration.inspect` says, as far as it matters here. */
export interface Inspected {
  readonly defaultValue?: unknown;
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/** The settings that package.json contributes, by what they are for. */
export interface Keys {
  /** What the server may be told while it runs. */
  readonly server: readonly string[];
  /** What decides how the model runs: from the user's own settings, with `initialize`. */
  readonly personal: readonly string[];
}

/** Sorts the properties of package.json; `server.*` are the extension's own. */
export function sortKeys(properties: Readonly<Record<string, { scope?: string }>>): Keys {
  const names = Object.entries(properties)
    .map(([name, { scope }]) => ({ name: name.replace(/^codellama\./, ''), scope }))
    .filter(({ name }) => !name.startsWith('server.'));
  return {
    server: names.filter(({ scope }) => scope !== 'machine').map(({ name }) => name),
    personal: names.filter(({ scope }) => scope === 'machine').map(({ name }) => name),
  };
}

/**
 * What the user or the workspace wrote, without VS Code's defaults: these would otherwise override
 * the user's own settings file of the server.
 */
export function written(
  keys: readonly string[],
  inspect: (key: string) => Inspected | undefined,
): Record<string, unknown> {
  return collect(keys, (key) => strongest(inspect(key)));
}

/** The settings that go with `initialize`: the user's alone, whatever a workspace says. */
export function personal(
  keys: readonly string[],
  inspect: (key: string) => Inspected | undefined,
): Record<string, unknown> {
  return collect(keys, (key) => inspect(key)?.globalValue);
}

function collect(keys: readonly string[], value: (key: string) => unknown): Record<string, unknown> {
  const pairs = keys.map((key): [string, unknown] => [key, value(key)]);
  return Object.fromEntries(pairs.filter(([, found]) => found !== undefined && found !== null && found !== ''));
}

function strongest(inspected: Inspected | undefined): unknown {
  return inspected?.workspaceFolderValue ?? inspected?.workspaceValue ?? inspected?.globalValue;
}

/** The list of languages without suggestions, with `language` put in or taken out. */
export function toggled(languages: readonly string[], language: string): string[] {
  return languages.includes(language)
    ? languages.filter((other) => other !== language)
    : [...languages, language];
}
