// xterm writes <style> elements. On this page alone the policy allows those that carry the page's nonce, so every style element
// that a script creates here gets it. Loaded before xterm. Nothing from the machine can reach this: its output is text.
const nonce = document.querySelector("script[data-terminal]")?.nonce ?? "";
const create = Document.prototype.createElement;

Document.prototype.createElement = function createElement(name, options) {
  const element = create.call(this, name, options);
  if (nonce && element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
};

// Colours outside of the sixteen, and those that it changes for contrast, it writes as style attributes, which the policy refuses.
// Set as properties they are allowed: only scripts of ours can do that.
const setAttribute = Element.prototype.setAttribute;

Element.prototype.setAttribute = function set(name, value) {
  if (name === "style" && this instanceof HTMLElement) this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
