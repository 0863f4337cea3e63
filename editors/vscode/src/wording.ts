// The server names commands and settings as its own files do; VS Code's user knows them by other names. Pure.

const TITLES: Readonly<Record<string, string>> = {
  toggle: 'Switch Suggestions Off or On',
  restartEngine: 'Load the Model Again',
};

/** What the server says, for VS Code's user to follow. */
export function inEditorWords(text: string): string {
  return text
    .replace(/`([a-z]+(?:_[a-z]+)*)`/g, (_, name: string) => `\`codellama.${camelCase(name)}\``)
    .replace(/(?:the )?command codellama\.(\w+)/g, (all, name: string) => {
      const title = TITLES[name];
      return title === undefined ? all : `"Code Llama: ${title}"`;
    });
}

/** A message of the server's, which may be part of a sentence, as a sentence. */
export function sentence(text: string): string {
  const whole = /[.!?]$/.test(text) ? text : `${text}.`;
  // A name of a file keeps its case.
  return whole.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
