const choice = document.getElementById("pair");
const show = () => {
  for (const pair of document.querySelectorAll(".pair")) pair.hidden = pair.id !== choice.value;
};
if (choice) {
  choice.addEventListener("change", show);
  show();
}
