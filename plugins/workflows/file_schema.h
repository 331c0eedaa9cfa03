/// The schema of the file that defines the workflows. Prompts are kept out of messages about it.
#pragma once

#include "gatehouse/text.hpp"

namespace gatehouse::plugins::workflows {

constexpr View kFileSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["workflows"],
  "properties": {
    "workflows": {
      "type": "object",
      "propertyNames": {
        "pattern": "^[A-Za-z0-9_.-]{1,64}$",
        "x-words": "1 to 64 letters, digits, dots, _ or -"
      },
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "systemPrompt"],
        "properties": {
          "name": {"type": "string", "minLength": 1},
          "description": {"type": "string"},
          "systemPrompt": {"type": "string", "minLength": 1, "x-secret": true},
          "allowedTools": {"type": "array", "items": {"type": "string", "minLength": 1}},
          "preferredModel": {"type": "string", "minLength": 1},
          "temperature": {"type": "number", "minimum": 0, "maximum": 2},
          "maxTokens": {"type": "integer", "minimum": 1, "maximum": 10000000},
          "thinking": {
            "anyOf": [
              {"enum": ["off", "minimal", "low", "medium", "high", "xhigh"]},
              {"type": "integer", "minimum": 0, "maximum": 10000000}
            ]
          },
          "topP": {"type": "number", "minimum": 0, "maximum": 1},
          "topK": {"type": "integer", "minimum": 1, "maximum": 1000},
          "seed": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
          "stop": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 256},
            "minItems": 1,
            "maxItems": 5
          },
          "toolChoice": {
            "anyOf": [
              {"enum": ["auto", "none", "required"]},
              {
                "type": "object",
                "additionalProperties": false,
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 1}}
              }
            ]
          },
          "providerTools": {
            "type": "array",
            "items": {
              "type": "string",
              "pattern": "^[a-z0-9_]{1,64}$",
              "x-words": "the name of a tool of the provider, such as google_search"
            },
            "maxItems": 16
          },
          "responseFormat": {
            "type": "object",
            "additionalProperties": false,
            "properties": {"schema": {"type": "object"}}
          },
          "modalities": {
            "type": "array",
            "items": {"enum": ["text", "image", "audio"]},
            "minItems": 1
          }
        }
      }
    }
  }
})";

}  // namespace gatehouse::plugins::workflows
