// The uploader of a folder's page: brings together what was chosen or dropped, the queue and what one sees of it.
import { Panel } from "./panel.js";
import { Queue } from "./queue.js";
import { fromDrop, fromField } from "./walk.js";

const DRAW_MS = 200;

function start(root) {
  const { namespace, folder, single } = root.dataset;
  let timer = 0;
  let done = 0;
  const part = (name) => root.querySelector("[data-" + name + "]");
  const draw = () => {
    timer = 0;
    panel.draw();
    const figures = queue.figures();
    if (figures.done !== done && (!figures.busy || figures.done - done > 200)) {
      done = figures.done;
      document.getElementById("storage-list")?.dispatchEvent(new CustomEvent("live"));
    }
  };
  const queue = new Queue({ namespace, folder, single: Number(single), onChange: () => { timer ||= setTimeout(draw, DRAW_MS); } });
  const panel = new Panel(root, queue);

  const looked = queue.findUnfinished().catch(() => []); // it is an offer only
  const take = async (found) => {
    await looked;
    part("resume").hidden = true;
    queue.add(found);
  };
  for (const name of ["files", "folder-files"]) {
    part(name).addEventListener("change", (event) => {
      take(fromField(event.target));
      event.target.value = "";
    });
  }
  part("pause").addEventListener("click", () => (queue.paused ? queue.resume() : queue.pause()));
  part("cancel").addEventListener("click", () => queue.cancel());
  part("replace").addEventListener("click", () => queue.answer(true));
  part("keep").addEventListener("click", () => queue.answer(false));
  part("close").addEventListener("click", () => {
    queue.items = [];
    done = 0;
    draw();
    part("files").focus();
  });
  dropZone(root, take);
  window.addEventListener("beforeunload", (event) => {
    if (queue.figures().busy) event.preventDefault();
  });
  for (const name of ["online", "offline"]) window.addEventListener(name, draw);
  looked.then((left) => offerToGoOn(part("resume"), queue, left));
  root.hidden = false;
}

function dropZone(root, take) {
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    root.classList.toggle("uploader--over", depth > 0);
  };
  document.addEventListener("dragenter", (event) => isFiles(event) && over(1));
  document.addEventListener("dragleave", (event) => isFiles(event) && over(-1));
  document.addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    over(-depth);
    take(await fromDrop(event.dataTransfer));
  });
}

// Uploads that a closed page or a broken computer left: what arrived is kept, the files have to be chosen again.
function offerToGoOn(place, queue, left) {
  if (!left.length || queue.items.length) return;
  const text = document.createElement("span");
  text.textContent = (left.length === 1 ? left[0].path + " was not finished. " : left.length.toLocaleString("en") + " uploads were not finished. ")
    + "Choose the same " + (left.length === 1 ? "file" : "files") + " again to go on: what has arrived is not sent again. ";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--small";
  button.textContent = "Forget " + (left.length === 1 ? "it" : "them");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await queue.forgetUnfinished();
    place.hidden = true;
  });
  place.replaceChildren(text, button);
  place.hidden = false;
}

document.querySelectorAll("[data-uploader]").forEach(start);
