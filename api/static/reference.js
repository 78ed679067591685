// SPDX-FileCopyrightText: 2026 The GreenCore authors
// SPDX-License-Identifier: Apache-2.0

// A plain reference over openapi.json, for installations without Swagger UI.
const add = (parent, tag, text, props = {}) => parent.appendChild(Object.assign(document.createElement(tag), { textContent: text ?? "", ...props }));

function resolve(document_, schema, seen = []) {
  if (!schema || typeof schema !== "object") return schema;
  if (Array.isArray(schema)) return schema.map((item) => resolve(document_, item, seen));
  if (schema.$ref) {
    if (seen.includes(schema.$ref)) return { $ref: schema.$ref };
    const target = schema.$ref.slice(2).split("/").reduce((node, key) => node[key], document_);
    return resolve(document_, target, [...seen, schema.$ref]);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolve(document_, value, seen)]));
}

function details(parent, title, value) {
  const box = add(parent, "details");
  add(box, "summary", title);
  add(box, "pre", JSON.stringify(value, null, 2));
}

async function show() {
  const main = document.getElementById("reference");
  const api = await (await fetch("/openapi.json")).json();
  add(main, "p", api.info.description);
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const section = add(main, "section", "", { id: operation.operationId });
      add(section, "h3", `${method.toUpperCase()} ${path}`);
      add(section, "p", operation.description);
      if (operation.security) add(section, "p", "Needs: Authorization: Bearer …");
      const list = add(section, "dl");
      for (const parameter of operation.parameters ?? []) {
        add(list, "dt", `${parameter.name} (${parameter.in}${parameter.required ? ", needed" : ""})`);
        add(list, "dd", parameter.description ?? JSON.stringify(parameter.schema));
      }
      if (operation.requestBody) details(section, "body", resolve(api, operation.requestBody.content));
      for (const [status, answer] of Object.entries(operation.responses)) {
        details(section, `${status} ${answer.description}`, resolve(api, answer.content ?? {}));
      }
    }
  }
}

show();
