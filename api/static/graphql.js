// SPDX-FileCopyrightText: 2026 The GreenCore authors
// SPDX-License-Identifier: Apache-2.0

// A small page of our own: the usual ones load their code from strangers' servers.
const EXAMPLES = {
  "stations and their last intervals": `query Stations($first: Int = 10) {
  _meta { head hash }
  stations(first: $first) {
    edges {
      node {
        id
        name
        owner
        intervals(first: 4) {
          edges { node { start eNetUwh quality state } }
        }
        mints(first: 2) {
          edges { node { slot amountUwh txHash } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`,
  "reports": `{
  reports(first: 10) {
    edges { node { utility slot stations increaseUwh totalUwh root txHash } }
    pageInfo { hasNextPage endCursor }
  }
}`,
  "balances of an owner": `query Balances($owner: Address!) {
  balances(owner: $owner) {
    edges { node { tokenId utility slot amountUnits } }
  }
}`,
};

const byId = (id) => document.getElementById(id);

async function ask(query, variables) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

async function run() {
  const answer = byId("answer");
  answer.classList.remove("error");
  try {
    const started = performance.now();
    const result = await ask(byId("query").value, JSON.parse(byId("variables").value || "{}"));
    const ms = Math.round(performance.now() - started);
    answer.classList.toggle("error", Boolean(result.errors));
    answer.textContent = `# ${ms} ms\n${JSON.stringify(result, null, 2)}`;
  } catch (error) {
    answer.classList.add("error");
    answer.textContent = String(error);
  }
}

for (const name of Object.keys(EXAMPLES)) byId("examples").add(new Option(name));
byId("examples").addEventListener("change", (event) => { byId("query").value = EXAMPLES[event.target.value]; });
byId("query").value = Object.values(EXAMPLES)[0];
byId("run").addEventListener("click", run);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
});
ask("{ _service { sdl } }").then((result) => { byId("schema").textContent = result.data._service.sdl; });
