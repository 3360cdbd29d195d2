// Files with their paths: from a file field, a folder field, or whatever was dropped, folders in folders included.
function entriesIn(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walk(entry, prefix, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: prefix + entry.name });
    return;
  }
  const reader = entry.createReader();
  for (let some = await entriesIn(reader); some.length; some = await entriesIn(reader)) {
    for (const each of some) await walk(each, prefix + entry.name + "/", found);
  }
}

// Must be called while the drop event is handled: its items are gone afterwards.
export function fromDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return (async () => {
    const found = [];
    for (const entry of entries) {
      if (entry instanceof File) found.push({ file: entry, path: entry.name });
      else if (entry) await walk(entry, "", found);
    }
    return found;
  })();
}

export function fromField(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}
