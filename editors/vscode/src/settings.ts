// Which settings the server gets, and from where. Pure: VS Code's configuration comes in as a value.

/** What `WorkspaceConfiguration.inspect` says, as far as it matters here. */
export interface Inspected {
  readonly defaultValue?: unknown;
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/** Keys of the extension itself; the server would call them unknown. */
const OURS = /^server\./;
/** Keys that decide what runs: from the user's own settings, with `initialize`. */
const PERSONAL = new Set(['model']);

/**
 * What the user or the workspace wrote, without VS Code's defaults: these would otherwise override
 * the user's own settings file of the server.
 */
export function written(keys: readonly string[], inspect: (key: string) => Inspected | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const key of keys) {
    if (OURS.test(key) || PERSONAL.has(key)) {
      continue;
    }
    const value = strongest(inspect(key));
    if (value !== undefined && value !== null) {
      found[key] = value;
    }
  }
  return found;
}

/** The settings that go with `initialize`: the user's alone, whatever a workspace says. */
export function personal(inspect: (key: string) => Inspected | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const key of PERSONAL) {
    const value = inspect(key)?.globalValue;
    if (value !== undefined && value !== null && value !== '') {
      found[key] = value;
    }
  }
  return found;
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
