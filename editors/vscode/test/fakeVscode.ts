// As much of VS Code as the tested files use; what they did with it can be looked at.

type Listener<T> = (value: T) => void;

export class EventEmitter<T> {
  private readonly listeners = new Set<Listener<T>>();
  readonly event = (listener: Listener<T>): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  fire(value: T): void {
    for (const listener of this.listeners) {
      listener(value);
    }
  }
  dispose(): void {
    this.listeners.clear();
  }
}

export class Disposable {
  constructor(private readonly action: () => unknown) {}
  static from(...all: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const one of all) {
        one.dispose();
      }
    });
  }
  dispose(): void {
    this.action();
  }
}

export class MarkdownString {
  constructor(readonly value: string) {}
}

export class ThemeColor {
  constructor(readonly id: string) {}
}

export enum StatusBarAlignment {
  Left = 1,
  Right = 2,
}

export enum InlineCompletionTriggerKind {
  Invoke = 0,
  Automatic = 1,
}

export interface FakeItem {
  text: string;
  name: string;
  command: string;
  tooltip: MarkdownString | undefined;
  backgroundColor: ThemeColor | undefined;
  shown: boolean;
}

/** What happened. */
export const seen = {
  items: [] as FakeItem[],
  messages: [] as string[],
  ran: [] as string[],
  commands: new Map<string, () => unknown>(),
  /** What the user chooses when asked. */
  answer: undefined as string | undefined,
  /** What the settings say. */
  settings: {} as Record<string, unknown>,
  language: undefined as string | undefined,
  /** In front, where it is more than a language. */
  editor: undefined as unknown,
};

export const editorChanged = new EventEmitter<undefined>();
export const documentChanged = new EventEmitter<unknown>();
export const settingsChanged = new EventEmitter<{ affectsConfiguration: (section: string) => boolean }>();

const ask = (message: string): Promise<string | undefined> => {
  seen.messages.push(message);
  return Promise.resolve(seen.answer);
};

export const window = {
  createStatusBarItem: (): FakeItem & { show(): void; dispose(): void } => {
    const item = {
      text: '',
      name: '',
      command: '',
      tooltip: undefined,
      backgroundColor: undefined,
      shown: false,
      show(): void {
        item.shown = true;
      },
      dispose(): void {
        item.shown = false;
      },
    };
    seen.items.push(item);
    return item;
  },
  showWarningMessage: ask,
  showInformationMessage: ask,
  onDidChangeActiveTextEditor: editorChanged.event,
  get activeTextEditor(): unknown {
    if (seen.editor !== undefined) {
      return seen.editor;
    }
    return seen.language === undefined ? undefined : { document: { uri: null, languageId: seen.language } };
  },
};

export const workspace = {
  getConfiguration: (): unknown => ({
    get: (key: string, fallback: unknown): unknown => seen.settings[key] ?? fallback,
  }),
  onDidChangeConfiguration: settingsChanged.event,
  onDidChangeTextDocument: documentChanged.event,
};

export const commands = {
  registerCommand: (name: string, action: () => unknown): Disposable => {
    seen.commands.set(name, action);
    return new Disposable(() => seen.commands.delete(name));
  },
  executeCommand: (name: string): Promise<void> => {
    seen.ran.push(name);
    return Promise.resolve();
  },
};
