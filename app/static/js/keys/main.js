// Reads a .pub file in the browser and puts its text into the field: nothing is uploaded as a file.
const LARGEST = 32 * 1024; // far more than any public key

function start() {
  const room = document.querySelector("[data-key-file]");
  const field = document.getElementById("f-public_key");
  const file = document.getElementById("key-file");
  if (!room || !field || !file) return;
  room.hidden = false;
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    field.value = chosen.size > LARGEST ? "" : (await chosen.text()).trim();
    field.focus();
  });
}

start();
