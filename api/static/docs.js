// SPDX-FileCopyrightText: 2026 The GreenCore authors
// SPDX-License-Identifier: Apache-2.0
window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
