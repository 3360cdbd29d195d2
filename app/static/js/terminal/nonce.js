// xterm writes <style> elements. On this page alone the policy allows those that carry the page's nonce, so every style element
// that a script creates here gets it. Loaded before xterm. Nothing from the machine can reach this: its output is text.
const nonce = document.querySelector("script[data-terminal]")?.nonce ?? "";
const create = Document.prototype.createElement;

Document.prototype.createElement = function createElement(name, options) {
  const element = create.call(this, name, options);
  if (nonce && element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
};
