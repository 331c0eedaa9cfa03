#include "request.h"

#include <gtest/gtest.h>

#include "request_testing.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace testing;

/// A chat with these messages (JSON texts) and this model; `rest`: more members of the chat.
std::string chat(const std::string& model, const std::string& messages,
                 const std::string& rest = {}) {
  return R"({"model": ")" + model + R"(", "messages": [)" + messages + "]" +
         (rest.empty() ? "" : ", " + rest) + "}";
}
const std::string kHello = R"({"role": "user", "content": [{"type": "text", "text": "Hello"}]})";
const std::string kTool = R"("tools": [{"name": "open", "input_schema": {"type": "object", )"
                          R"("properties": {"n": {"type": "integer"}}}}])";
const std::string kDeclared =
    R"({"functionDeclarations":[{"name":"open","description":"",)"
    R"("parametersJsonSchema":{"type":"object","properties":{"n":{"type":"integer"}}}}]})";
constexpr View kDummy = R"("thoughtSignature":"skip_thought_signature_validator")";

std::string assistant(const std::string& parts) {
  return R"({"role": "assistant", "content": [)" + parts + "]}";
}
std::string results(const std::string& parts) {
  return R"({"role": "tool", "content": [)" + parts + "]}";
}
std::string call(const std::string& id, const std::string& more = {}) {
  return R"({"type": "tool-call", "id": ")" + id + R"(", "name": "open", "input": {})" + more + "}";
}
std::string result(const std::string& id, const std::string& what = R"("output": 1)") {
  return R"({"type": "tool-result", "id": ")" + id + R"(", "name": "open", )" + what + "}";
}
std::string signed_with(const std::string& signature) {
  return R"(, "metadata": {"google": {"thoughtSignature": ")" + signature + "\"}}";
}

std::string contents(const std::string& model, const std::string& messages,
                     const std::string& rest = {}) {
  return member_of("contents", chat(model, messages, rest));
}
std::string generation(const std::string& model, const std::string& rest, View config = "{}") {
  return member_of("generationConfig", chat(model, kHello, rest), config);
}

TEST(Request, WritesAWholeConversation) {
  EXPECT_EQ(
      request_of(R"({
    "model": "gemini-2.5-pro", "system": [{"type": "text", "text": "Be "}, {"type": "text",
      "text": "kind."}],
    "temperature": 0.7, "max_output_tokens": 4000, "workflow": "w",
    "messages": [
      {"role": "system", "content": [{"type": "text", "text": "Speak "}, {"type": "text",
        "text": "French."}]},
      {"role": "user", "content": [{"type": "text", "text": "\"Hi\""}, {"type": "file",
        "media_type": "image/*", "data": "aGk="},
                                   {"type": "file", "media_type": "video/mp4",
                                     "url": "https://youtu.be/1"}]},
      {"role": "assistant", "content": [
        {"type": "reasoning", "text": "hm", "metadata": {"google": {"thoughtSignature": "s1"}}},
        {"type": "text", "text": "A", "metadata": {"openai": {"x": 1}}},
        {"type": "tool-call", "id": "c1", "name": "open", "input": {"n": 1},
          "metadata": {"google": {"thoughtSignature": "s2"}}}]},
      {"role": "tool", "content": [{"type": "tool-result", "id": "c1", "name": "open",
        "output": [1, null]}]}],
    "tools": [{"name": "open", "description": "Opens", "input_schema": {"type": "object",
      "properties": {"n": {"type": "integer"}}}}]})"),
      R"({"generationConfig":{"maxOutputTokens":4000,"temperature":0.7},"contents":[)"
      R"({"role":"user","parts":[{"text":"\"Hi\""},{"inlineData":{"mimeType":"image/jpeg",)"
      R"("data":"aGk="}},)"
      R"({"fileData":{"mimeType":"video/mp4","fileUri":"https://youtu.be/1"}}]},)"
      R"({"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"s1"},)"
      R"({"text":"A"},)"
      R"({"functionCall":{"id":"c1","name":"open","args":{"n":1}},"thoughtSignature":"s2"}]},)"
      R"({"role":"user","parts":[{"functionResponse":{"id":"c1","name":"open",)"
      R"("response":{"name":"open","content":[1,null]}}}]}],)"
      R"("systemInstruction":{"parts":[{"text":"Be kind."},{"text":"Speak French."}]},)"
      R"("tools":[{"functionDeclarations":[{"name":"open","description":"Opens",)"
      R"("parametersJsonSchema":{"type":"object","properties":{"n":{"type":"integer"}}}}]}],)"
      R"("toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}})");
}

TEST(Request, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(request_of(R"({"model": "m", "system": [], "tools": [], "temperature": 0, "messages": [
              {"role": "system", "content": []},
              {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "file",
                "media_type": "image/png", "data": ""}]},
              {"role": "user", "content": [{"type": "text", "text": "A"}]},
              {"role": "assistant", "content": [{"type": "reasoning", "text": ""}]}]})"),
            R"({"generationConfig":{"temperature":0},"contents":[{"role":"user",)"
            R"("parts":[{"text":"A"}]}]})");
}

TEST(Request, ContinuesAResponse) {
  Requests requests;
  const std::string text = chat("gemini-4-argon", kHello);
  const std::string first = requests.request(text);
  EXPECT_EQ(requests.request(text, {}, false, "T1"),
            first.substr(0, first.size() - 1) + R"(,"continuationToken":"T1"})");
}

// ---- How to respond ----------------------------------------------------------------------------

TEST(Request, SendsOnlyWhatTheModelHeeds) {
  const std::string all =
      R"("temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 1,
          "stop": ["a", "b", "c", "d", "e", "f"],
          "presence_penalty": 0.5, "frequency_penalty": -0.5)";
  for (const char* model :
       {"gemini-2.5-pro", "gemini-3.5-flash", "gemini-3.1-pro-preview", "gemma-4-31b-it"}) {
    EXPECT_EQ(generation(model, all), R"({"temperature":0.5,"topP":0.9,"topK":40,"seed":1,)"
                                      R"("stopSequences":["a","b","c","d","e"]})")
        << model;
    EXPECT_EQ(generation(model, ""), model == View("m") ? "" : "{}") << model;
  }
  for (const char* model : {"gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.8-flash",
                            "gemini-4-hydrogen", "gemini-flash-latest", "gemini-9"}) {
    EXPECT_EQ(generation(model, all), R"({"seed":1,"stopSequences":["a","b","c","d","e"]})")
        << model;
  }
}

TEST(Request, AsksForNoMoreTokensThanTheModelHas) {
  EXPECT_EQ(generation("gemini-3.8-flash", ""), "{}");
  EXPECT_EQ(generation("gemini-3.8-flash", R"("max_output_tokens": 100000)"),
            R"({"maxOutputTokens":65536})");
  EXPECT_EQ(generation("gemma-4-31b-it", R"("max_output_tokens": 100000)"),
            R"({"maxOutputTokens":32768})");
  EXPECT_EQ(generation("gemini-4-argon", R"("max_output_tokens": 100000)"),
            R"({"maxOutputTokens":100000})");
  EXPECT_EQ(generation("gemini-flash-latest", R"("max_output_tokens": 100000)"),
            R"({"maxOutputTokens":65536})");
}

TEST(Request, ThinksAsMuchAsTheModelCan) {
  const auto thinking = [](const std::string& model, const std::string& wanted) {
    const std::string name = wanted.front() == '"' ? "effort" : "budget_tokens";
    const std::string text =
        generation(model, R"("reasoning": {")" + name + R"(": )" + wanted + "}");
    return text == "{}" ? text : text.substr(18, text.size() - 19);
  };
  const std::vector<std::array<std::string, 3>> table = {
      {"gemini-3.8-flash", R"("minimal")", R"({"thinkingLevel":"low"})"},
      {"gemini-3.8-flash", R"("none")", R"({"thinkingLevel":"low"})"},
      {"gemini-3.8-flash", R"("xhigh")", R"({"thinkingLevel":"high"})"},
      {"gemini-4-hydrogen", R"("minimal")", R"({"thinkingLevel":"low"})"},
      {"gemini-4-hydrogen", R"("xhigh")", R"({"thinkingLevel":"xhigh"})"},
      {"gemini-3.6-flash", R"("minimal")", R"({"thinkingLevel":"minimal"})"},
      {"gemini-3.6-flash", R"("none")", R"({"thinkingLevel":"minimal"})"},
      {"gemini-3.6-flash", R"("max")", R"({"thinkingLevel":"high"})"},
      {"gemini-4-hydrogen", R"("max")", R"({"thinkingLevel":"xhigh"})"},
      {"gemini-3.1-pro-preview", R"("minimal")", R"({"thinkingLevel":"low"})"},
      {"gemini-unheard-of", R"("minimal")", R"({"thinkingLevel":"low"})"},
      {"gemma-4-31b-it", R"("minimal")", R"({"thinkingLevel":"minimal"})"},
      {"gemma-4-31b-it", R"("medium")", R"({"thinkingLevel":"high"})"},
      {"gemma-3-27b-it", R"("high")", "{}"},
      {"gemini-3.8-flash", "0", R"({"thinkingLevel":"low"})"},
      {"gemini-3.8-flash", "5000", R"({"thinkingLevel":"medium"})"},
      {"gemini-3.8-flash", "1000000", R"({"thinkingLevel":"high"})"},
      {"gemini-3.8-flash", "-1", "{}"},
      {"gemini-2.5-flash", R"("none")", R"({"thinkingBudget":0})"},
      {"gemini-2.5-flash", R"("max")", R"({"thinkingBudget":24576})"},
      {"gemini-2.5-flash", R"("minimal")", R"({"thinkingBudget":1024})"},
      {"gemini-2.5-flash", R"("low")", R"({"thinkingBudget":1024})"},
      {"gemini-2.5-flash", R"("medium")", R"({"thinkingBudget":8192})"},
      {"gemini-2.5-flash", R"("high")", R"({"thinkingBudget":24576})"},
      {"gemini-2.5-flash", "52428", R"({"thinkingBudget":24576})"},
      {"gemini-2.5-flash", "-1", R"({"thinkingBudget":-1})"},
      {"gemini-2.5-flash-lite", "100", R"({"thinkingBudget":512})"},
      {"gemini-2.5-flash-lite", "0", R"({"thinkingBudget":0})"},
      {"gemini-2.5-pro", R"("none")", R"({"thinkingBudget":128})"},
      {"gemini-2.5-pro", R"("xhigh")", R"({"thinkingBudget":24576})"},
      {"gemini-2.5-pro", "32768", R"({"thinkingBudget":32768})"},
  };
  for (const auto& [model, wanted, expected] : table)
    EXPECT_EQ(thinking(model, wanted), expected) << model << wanted;
}

TEST(Request, ThinksTheLeastWhereTheOperatorWantsMinimal) {
  const auto thinking = [](const std::string& model, View config) {
    return member_of("generationConfig", R"({"messages": [], "model": ")" + model + "\"}", config);
  };
  constexpr View kMinimal = R"({"thinking": "minimal"})";
  EXPECT_EQ(thinking("gemini-2.5-flash", kMinimal), R"({"thinkingConfig":{"thinkingBudget":0}})");
  EXPECT_EQ(thinking("gemini-2.5-pro", kMinimal), R"({"thinkingConfig":{"thinkingBudget":128}})");
  EXPECT_EQ(thinking("gemini-2.5-flash", R"({"thinking": "low"})"),
            R"({"thinkingConfig":{"thinkingBudget":1024}})");
}

TEST(Request, AsksForThoughtsThatSomebodyShows) {
  const std::string shown = R"({"thinkingConfig":{"includeThoughts":true}})";
  for (const char* model : {"gemini-2.5-flash", "gemini-3.5-flash", "gemini-3.8-flash",
                            "gemini-4-neon", "gemini-pro-latest"}) {
    EXPECT_EQ(generation(model, R"("reasoning": {"visible": true})"), shown) << model;
    EXPECT_EQ(generation(model, R"("reasoning": {"visible": false})"), "{}") << model;
  }
  for (const char* model : {"gemma-4-31b-it", "gemma-3-27b-it", "a-proxys-model"})
    EXPECT_EQ(generation(model, R"("reasoning": {"visible": true})"), "{}") << model;
  EXPECT_EQ(generation("gemini-2.5-flash", R"("reasoning": {"visible": true, "effort": "none"})"),
            R"({"thinkingConfig":{"thinkingBudget":0}})");
  EXPECT_EQ(generation("gemini-3.8-flash", R"("reasoning": {"visible": true, "effort": "high"})"),
            R"({"thinkingConfig":{"thinkingLevel":"high","includeThoughts":true}})");
}

TEST(Request, AsksForImagesOfModelsThatDraw) {
  const std::string both = R"({"responseModalities":["TEXT","IMAGE"]})";
  for (const char* model : {"gemini-nano-banana-2.1", "nano-banana-pro-preview",
                            "gemini-3-pro-image-preview", "gemini-7-image"}) {
    EXPECT_EQ(generation(model, R"("reasoning": {"visible": true, "effort": "high"})"), both)
        << model;
    EXPECT_EQ(generation(model, R"("modalities": ["image"])"),
              R"({"responseModalities":["IMAGE"]})")
        << model;
    EXPECT_EQ(member_of("tools", chat(model, kHello, kTool)), "") << model;
  }
  EXPECT_EQ(generation("gemini-3.8-flash", R"("modalities": ["image"])"), "{}");
  EXPECT_EQ(generation("gemini-3.8-flash", "", R"({"modalities": ["audio"]})"),
            R"({"responseModalities":["AUDIO"]})");
  EXPECT_EQ(generation("nano-banana", "", R"({"image": {"aspect_ratio": "16:9", "size": "2K"}})"),
            R"({"responseModalities":["TEXT","IMAGE"],"imageConfig":{"aspectRatio":"16:9",)"
            R"("imageSize":"2K"}})");
}

TEST(Request, AsksForJson) {
  const std::string format = R"("response_format": {"type": "json", "schema": {"$schema": "s", )"
                             R"("anyOf": [{"const": 1}, {"type": "null"}]}})";
  const std::string json =
      R"({"responseMimeType":"application/json","responseJsonSchema":{"anyOf":[{"enum":[1]},)"
      R"({"type":"null"}]}})";
  EXPECT_EQ(generation("gemini-3.8-flash", format), json);
  EXPECT_EQ(generation("gemini-3.8-flash", format + "," + kTool), json);
  EXPECT_EQ(generation("gemini-2.5-flash", format), json);
  EXPECT_EQ(generation("gemini-2.5-flash", R"("response_format": {"type": "json"})"),
            R"({"responseMimeType":"application/json"})");
  EXPECT_EQ(generation("gemini-2.5-flash", format + "," + kTool), "{}");
  EXPECT_EQ(
      member_of(
          "systemInstruction",
          chat("gemini-2.5-flash", kHello,
               R"("response_format": {"type": "json", "schema": {"type": "object"}}, )" + kTool)),
      R"({"parts":[{"text":"Respond with nothing but JSON that fits this JSON Schema: )"
      R"({\"type\":\"object\"}"}]})");
  EXPECT_EQ(member_of("systemInstruction",
                      chat("nano-banana", kHello, R"("response_format": {"type": "json"})")),
            R"({"parts":[{"text":"Respond with nothing but JSON"}]})");
}

TEST(Request, SendsPenaltiesToModelsThatAcceptThem) {
  const std::string both = R"("presence_penalty": 0.5, "frequency_penalty": -0.25)";
  EXPECT_EQ(generation("a-proxys-model", both),
            R"({"presencePenalty":0.5,"frequencyPenalty":-0.25})");
  EXPECT_EQ(generation("gemini-2.5-flash", both), "{}");
}

TEST(Request, TakesOptionsInPlaceOfSettings) {
  const View settings = R"({"image": {"size": "4K"}, "media_resolution": "high"})";
  EXPECT_EQ(generation("m", R"("options": {"google": {"mediaResolution": "MEDIA_RESOLUTION_LOW",
                               "imageConfig": {"imageSize": "1K"}, "audioTimestamp": true,
                               "candidateCount": 8}, "openai": {"speechConfig": {}}})",
                       settings),
            R"({"mediaResolution":"MEDIA_RESOLUTION_LOW","imageConfig":{"imageSize":"1K"},)"
            R"("audioTimestamp":true})");
  EXPECT_EQ(generation("m", R"("options": {"google": {"mediaResolution": 1}})", settings),
            R"({"imageConfig":{"imageSize":"4K"},"mediaResolution":"MEDIA_RESOLUTION_HIGH"})");
}

TEST(Request, SendsTheSettings) {
  EXPECT_EQ(
      request_of(chat("m", kHello),
                 R"({"service_tier": "flex",
              "safety": {"hate_speech": "block_only_high", "harassment": "off"},
                                               "media_resolution": "low", "temperature": 1,
                                                 "top_p": 0.5, "top_k": 3,
                                               "max_output_tokens": 9, "thinking": "high"})"),
      R"({"generationConfig":{"maxOutputTokens":9,"temperature":1,"topP":0.5,"topK":3,)"
      R"("thinkingConfig":{"thinkingLevel":"high"},)"
      R"("mediaResolution":"MEDIA_RESOLUTION_LOW"},"contents":[{"role":"user",)"
      R"("parts":[{"text":"Hello"}]}],"serviceTier":"flex",)"
      R"("safetySettings":[{"category":"HARM_CATEGORY_HATE_SPEECH","threshold":"BLOCK_ONLY_HIGH"},)"
      R"({"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}]})");
  EXPECT_EQ(generation("m", R"("temperature": 0, "reasoning": {"effort": "low"})",
                       R"({"temperature": 1, "thinking": "high"})"),
            R"({"temperature":0,"thinkingConfig":{"thinkingLevel":"low"}})");
}

// ---- Tools -------------------------------------------------------------------------------------

std::string tools(const std::string& model, const std::string& rest, View config = "{}") {
  return member_of("tools", chat(model, kHello, rest), config);
}
std::string mode(const std::string& model, const std::string& rest, View config = "{}") {
  return member_of("toolConfig", chat(model, kHello, rest), config);
}

TEST(Request, OffersToolsThatGoogleRuns) {
  const View search = R"({"builtin_tools": ["google_search"]})";
  EXPECT_EQ(tools("gemini-3.8-flash", "", search), R"([{"googleSearch":{}}])");
  EXPECT_EQ(mode("gemini-3.8-flash", "", search), "");
  EXPECT_EQ(tools("gemini-3.8-flash",
                  R"("provider_tools": [{"name": "code_execution"},
                                {"name": "url_context", "settings": {"a": 1}},
                                {"name": "google_search"}, {"name": "unheard_of"}])",
                  search),
            R"([{"googleSearch":{}},{"urlContext":{"a":1}},{"codeExecution":{}}])");
  EXPECT_EQ(tools("gemini-3.8-flash", R"("tool_choice": {"mode": "none"})", search), "");
  EXPECT_EQ(tools("gemma-4-31b-it", "", search), "");
}

TEST(Request, OffersThemBesideFunctionsWhereTheModelTakesBoth) {
  const View search = R"({"builtin_tools": ["google_search"]})";
  for (const char* model : {"gemini-3.8-flash", "gemini-3.5-flash", "gemini-4-hydrogen"}) {
    EXPECT_EQ(tools(model, kTool, search), "[" + kDeclared + R"(,{"googleSearch":{}}])") << model;
    EXPECT_EQ(
        mode(model, kTool, search),
        R"({"includeServerSideToolInvocations":true,"functionCallingConfig":{"mode":"VALIDATED"}})")
        << model;
  }
  EXPECT_EQ(tools("gemini-2.5-flash", kTool, search), "[" + kDeclared + "]");
  EXPECT_EQ(mode("gemini-2.5-flash", kTool, search),
            R"({"functionCallingConfig":{"mode":"AUTO"}})");
}

TEST(Request, LetsTheModelCallAsTheChatSays) {
  const auto choose = [](const std::string& choice, View config = "{}") {
    return mode("gemini-3.8-flash", kTool + R"(, "tool_choice": )" + choice, config);
  };
  EXPECT_EQ(choose(R"({"mode": "auto"})"), R"({"functionCallingConfig":{"mode":"AUTO"}})");
  EXPECT_EQ(choose(R"({"mode": "auto"})", R"({"tool_mode": "validated"})"),
            R"({"functionCallingConfig":{"mode":"VALIDATED"}})");
  EXPECT_EQ(choose(R"({"mode": "required"})"), R"({"functionCallingConfig":{"mode":"ANY"}})");
  EXPECT_EQ(choose(R"({"mode": "none", "names": ["open"]})"),
            R"({"functionCallingConfig":{"mode":"NONE"}})");
  EXPECT_EQ(choose(R"({"mode": "required", "names": ["open", "absent"]})"),
            R"({"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["open"]}})");
  EXPECT_EQ(choose(R"({"mode": "auto", "names": ["open"]})"),
            R"({"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["open"]}})");
  EXPECT_EQ(choose(R"({"mode": "auto", "names": ["absent"]})"),
            R"({"functionCallingConfig":{"mode":"AUTO"}})");
}

TEST(Request, DeclaresToolsInTheFormThatGeminiTook) {
  Requests requests;
  const std::string text = chat(
      "gemini-3.8-flash", kHello,
      R"("tools": [{"name": "a"}, {"name": "b", "input_schema": {"title": "B"}}, {"name": "c", )"
      R"("input_schema": {"title": "C"}}])");
  const auto declared = [&](std::vector<ToolForm> forms) {
    const Document body = parse(requests.request(text, std::move(forms)));
    return body.root()["tools"].dump();
  };
  EXPECT_EQ(
      declared({ToolForm::left_out, ToolForm::bare}),
      R"([{"functionDeclarations":[{"name":"b","description":"",)"
      R"("parametersJsonSchema":{"type":"object"}},)"
      R"({"name":"c","description":"","parametersJsonSchema":{"type":"object","title":"C"}}]}])");
  EXPECT_EQ(declared({ToolForm::left_out, ToolForm::left_out, ToolForm::left_out}), "null");
  EXPECT_EQ(member_of("tools", chat("gemma-3-27b-it", kHello, kTool)), "");
}

TEST(Request, DeclaresNoMoreToolsThanGeminiTakes) {
  std::string list = R"({"name": "t0"})";
  for (int i = 1; i < 600; ++i) list += R"(, {"name": "t)" + std::to_string(i) + "\"}";
  const Document body = parse(request_of(chat("m", kHello, R"("tools": [)" + list + "]")));
  EXPECT_EQ(body.root()["tools"].at(0)["functionDeclarations"].size(), 512u);
}

TEST(Request, NamesToolsAsGeminiWantsThemEverywhere) {
  const std::string body = request_of(chat(
      "gemini-2.5-flash",
      R"({"role": "assistant", "content": [{"type": "tool-call", "id": "c", )"
      R"("name": "files/open", "input": {}}]},)"
      R"({"role": "tool", "content": [{"type": "tool-result", "id": "c", "name": "files/open", )"
      R"("output": 1}]})",
      R"("tools": [{"name": "files/open"}], "tool_choice": {"mode": "required", )"
      R"("names": ["files/open"]})"));
  EXPECT_EQ(body.find("files/open"), body.npos) << body;
  std::size_t uses = 0;
  for (auto at = body.find("files_open_"); at != body.npos; at = body.find("files_open_", at + 1))
    ++uses;
  EXPECT_EQ(uses, 5u) << body;  // declared, allowed, called, and twice in the result
}

// ---- Turns -------------------------------------------------------------------------------------

const std::string kHelloTurn = R"({"role":"user","parts":[{"text":"Hello"}]})";

TEST(Request, EndsWithTheUserWhereTheModelInsists) {
  const std::string story = kHello + "," + assistant(R"({"type": "text", "text": "Once"})");
  const std::string once = R"(,{"role":"model","parts":[{"text":"Once"}]})";
  for (const char* model :
       {"gemini-3.6-flash", "gemini-3.5-flash-lite", "gemini-4-argon", "gemini-flash-latest"}) {
    EXPECT_EQ(contents(model, story),
              "[" + kHelloTurn + once + R"(,{"role":"user","parts":[{"text":"Continue."}]}])")
        << model;
  }
  for (const char* model : {"gemini-2.5-flash", "gemini-3.5-flash"})
    EXPECT_EQ(contents(model, story), "[" + kHelloTurn + once + "]") << model;
}

TEST(Request, BeginsWithTheUser) {
  EXPECT_EQ(
      contents("gemini-2.5-flash", assistant(R"({"type": "text", "text": "Hi"})") + "," + kHello),
      R"([{"role":"user","parts":[{"text":"Continue."}]},)"
      R"({"role":"model","parts":[{"text":"Hi"}]},)" +
          kHelloTurn + "]");
  EXPECT_EQ(contents("gemini-2.5-flash", assistant("") + "," + kHello), "[" + kHelloTurn + "]");
}

TEST(Request, PutsACallIntoTheTurnAfterTheUsers) {
  const std::string model =
      R"({"role":"model","parts":[{"text":"Let me see."},{"functionCall":{"id":"c",)"
      R"("name":"open","args":{}}}]})";
  const std::string answer =
      R"({"role":"user","parts":[{"functionResponse":{"id":"c","name":"open",)"
      R"("response":{"name":"open","content":1}}}]})";
  EXPECT_EQ(contents("gemini-2.5-flash",
                     kHello + "," + assistant(R"({"type": "text", "text": "Let me see."})") + "," +
                         assistant(call("c")) + "," + results(result("c"))),
            "[" + kHelloTurn + "," + model + "," + answer + "]");
}

TEST(Request, GivesEachCallOneResultInOrder) {
  const auto ids = [](const std::string& calls, const std::string& outcomes) {
    const Document list =
        parse(contents("gemini-2.5-flash", kHello + "," + assistant(calls) + "," + outcomes));
    std::string text;
    for (const Json turn : list.root()) {
      for (const Json part : turn["parts"]) {
        if (const Json c = part["functionCall"]) text += " " + std::string(c["id"].str());
        if (const Json r = part["functionResponse"])
          text += " " + std::string(r["id"].str()) + "=" + r["response"]["content"].dump() +
                  std::string(r["response"]["error"].str());
      }
    }
    return text;
  };
  const std::string two = call("a") + "," + call("b");
  EXPECT_EQ(ids(two, results(result("b", R"("output": 2)") + "," + result("a"))), " a b a=1 b=2");
  EXPECT_EQ(ids(two, results(result("b")) + "," + results(result("a"))), " a b a=1 b=1");
  EXPECT_EQ(ids(two, results(result("b"))), " a b a=nullThere is no result. b=1");
  EXPECT_EQ(ids(two, results(result("x"))), "");
  EXPECT_EQ(ids(two, kHello), "");
  EXPECT_EQ(ids(call("a"), results(result("a") + "," + result("x"))), " a a=1");
  EXPECT_EQ(ids(call("a") + "," + call("a"), results(result("a"))),
            " a a a=1 a=nullThere is no result.");
  EXPECT_EQ(
      contents("gemini-2.5-flash", kHello + "," + assistant(call("")) + "," + results(result(""))),
      "[" + kHelloTurn +
          R"(,{"role":"model","parts":[{"functionCall":{"name":"open","args":{}}}]},)"
          R"({"role":"user","parts":[{"functionResponse":{"name":"open",)"
          R"("response":{"name":"open","content":1}}}]}])");
}

TEST(Request, PutsTheSystemIntoTheFirstTurnOfModelsWithoutOne) {
  const std::string system = R"("system": [{"type": "text", "text": "Be kind."}])";
  for (const char* model : {"gemma-3-27b-it", "gemma-4-31b-it", "gemma-9"}) {
    const std::string text = chat(
        model,
        R"({"role": "system", "content": [{"type": "text", "text": "Speak French."}]},)" + kHello,
        system);
    EXPECT_EQ(member_of("systemInstruction", text), "") << model;
    EXPECT_EQ(
        member_of("contents", text),
        R"([{"role":"user","parts":[{"text":"Be kind.\n\nSpeak French.\n\n"},{"text":"Hello"}]}])")
        << model;
  }
  EXPECT_EQ(contents("gemma-9", assistant(R"({"type": "text", "text": "Hi"})"), system),
            R"([{"role":"user","parts":[{"text":"Be kind.\n\n"}]},{"role":"model",)"
            R"("parts":[{"text":"Hi"}]}])");
}

// ---- Signatures --------------------------------------------------------------------------------

TEST(Request, SignsTheFirstCallOfEachStep) {
  const std::string steps = kHello + "," + assistant(call("a") + "," + call("b")) + "," +
                            results(result("a") + "," + result("b")) + "," +
                            assistant(call("c", signed_with("S"))) + "," + results(result("c"));
  const std::string a =
      R"({"functionCall":{"id":"a","name":"open","args":{}},)" + std::string(kDummy) + "}";
  for (const char* model : {"gemini-3-flash-preview", "gemini-3.8-flash", "gemini-4-hydrogen"}) {
    const std::string text = contents(model, steps);
    EXPECT_NE(text.find(a + R"(,{"functionCall":{"id":"b","name":"open","args":{}}}])"), text.npos)
        << text;
    EXPECT_NE(
        text.find(R"({"functionCall":{"id":"c","name":"open","args":{}},"thoughtSignature":"S"})"),
        text.npos)
        << text;
  }
  for (const char* model : {"gemini-2.5-flash", "gemma-4-31b-it"})
    EXPECT_EQ(contents(model, steps).find(kDummy), std::string::npos) << model;
}

TEST(Request, KeepsSignaturesWithEveryPart) {
  const std::string parts =
      R"({"type": "text", "text": "")" + signed_with("1") +
      R"(}, {"type": "file", "media_type": "image/png", "data": "AA==")" + signed_with("2") +
      R"(}, {"type": "reasoning", "text": "")" + signed_with("3") +
      R"(}, {"type": "reasoning-file", "media_type": "image/png", "data": "AA==")" +
      signed_with("4") + "}";
  const std::string image = R"({"inlineData":{"mimeType":"image/png","data":"AA=="})";
  EXPECT_EQ(contents("gemini-3.5-flash", kHello + "," + assistant(parts)),
            "[" + kHelloTurn + R"(,{"role":"model","parts":[{"text":"","thoughtSignature":"1"},)" +
                image + R"(,"thoughtSignature":"2"},)" +
                R"({"text":"","thought":true,"thoughtSignature":"3"},)" + image +
                R"(,"thought":true,"thoughtSignature":"4"}]}])");
  EXPECT_EQ(contents("gemma-4-31b-it", kHello + "," + assistant(parts)),
            "[" + kHelloTurn + R"(,{"role":"model","parts":[)" + image + "}]}]");
}

TEST(Request, PutsDummiesInPlaceOfSignaturesThatGeminiRefuses) {
  const std::string steps = kHello + "," +
                            assistant(R"({"type": "reasoning", "text": "hm")" + signed_with("1") +
                                      R"(}, {"type": "text", "text": "")" + signed_with("2") +
                                      "}," + call("a", signed_with("3"))) +
                            "," + results(result("a"));
  Requests requests;
  const Document body = parse(requests.request(chat("gemini-2.5-flash", steps), {}, true));
  EXPECT_EQ(body.root()["contents"].at(1).dump(),
            R"({"role":"model","parts":[{"functionCall":{"id":"a","name":"open","args":{}},)" +
                std::string(kDummy) + "}]}");
}

TEST(Request, SignsCallsOfAnyModelThatMissesSignatures) {
  const std::string steps = kHello + "," + assistant(call("a")) + "," + results(result("a"));
  Requests requests;
  EXPECT_EQ(requests.request(chat("gemini-2.5-flash", steps)).find("thoughtSignature"),
            std::string::npos);
  EXPECT_NE(requests.request(chat("gemini-2.5-flash", steps), {}, true).find(kDummy),
            std::string::npos);
  EXPECT_EQ(requests.request(chat("gemma-4-31b-it", steps), {}, true).find("thoughtSignature"),
            std::string::npos);
}

// ---- Histories of other providers --------------------------------------------------------------

/// What another provider has left in a conversation: a thought of its own and two calls.
std::string foreign_step(const std::string& metadata, const std::string& first_id) {
  return assistant(R"({"type": "reasoning", "text": "Hm.", "metadata": )" + metadata +
                   R"(}, {"type": "text", "text": "So"}, )" + call(first_id) + "," + call("b"));
}

TEST(Request, ContinuesAConversationThatOpenAiBegan) {
  const std::string history = kHello + "," + foreign_step("{}", "functions.open:0") + "," +
                              results(result("b") + "," + result("functions.open:0"));
  const std::string user = R"([{"role":"user","parts":[{"text":"Hello"}]},)";
  const std::string answers =
      R"(]},{"role":"user","parts":[{"functionResponse":{"id":"functions.open:0","name":"open",)"
      R"("response":{"name":"open","content":1}}},)"
      R"({"functionResponse":{"id":"b","name":"open","response":{"name":"open","content":1}}}]}])";
  const std::string first = R"({"functionCall":{"id":"functions.open:0","name":"open","args":{}})";
  const std::string second = R"({"functionCall":{"id":"b","name":"open","args":{}}})";
  const std::string thought = R"({"text":"Hm.","thought":true},)";
  EXPECT_EQ(contents("gemini-2.5-flash", history), user + R"({"role":"model","parts":[)" + thought +
                                                       R"({"text":"So"},)" + first + "}," + second +
                                                       answers);
  EXPECT_EQ(contents("gemini-3.8-flash", history),
            user + R"({"role":"model","parts":[)" + thought + R"({"text":"So"},)" + first + "," +
                std::string(kDummy) + "}," + second + answers);
  EXPECT_EQ(contents("gemma-4-31b-it", history),
            user + R"({"role":"model","parts":[{"text":"So"},)" + first + "}," + second + answers);
}

TEST(Request, ContinuesAConversationThatAnthropicBegan) {
  const std::string history =
      kHello + "," + assistant(R"({"type": "reasoning", "text": "",
                    "metadata": {"anthropic": {"redactedData": "UkVEQUNURUQ="}}})") +
      "," + foreign_step(R"({"anthropic": {"signature": "U0lHTkVE"}})", "toolu_01") + "," +
      results(result("toolu_01", R"("error": true, "output": "denied")"));
  for (const char* model : {"gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-argon"}) {
    const std::string sent = contents(model, history);
    for (const char* foreign : {"UkVEQUNURUQ", "U0lHTkVE", "anthropic"})
      EXPECT_EQ(sent.find(foreign), std::string::npos) << sent;
    EXPECT_NE(sent.find(R"("response":{"name":"open","error":"denied"})"), std::string::npos);
    EXPECT_NE(sent.find(R"("response":{"name":"open","error":"There is no result."})"),
              std::string::npos)
        << "each call needs one: " << sent;
  }
}

TEST(Request, WrapsArgumentsThatAreNoObject) {
  const std::string steps =
      kHello + "," +
      assistant(R"({"type": "tool-call", "id": "a", "name": "tag", "input": ["x"]})") + "," +
      results(result("a"));
  EXPECT_NE(request_of(chat("gemini-3.8-flash", steps)).find(R"("args":{"value":["x"]})"),
            std::string::npos);
}

// ---- What Google's tools did -------------------------------------------------------------------

TEST(Request, GivesBackWhatGooglesToolsDidAsItCame) {
  const std::string search =
      R"({"type": "tool-call", "id": "s", "name": "server:GOOGLE_SEARCH_WEB", "input": {},
      "provider_executed": true, "metadata": {"google": {"toolCall": {"toolCall": {"id": "s",
        "toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "S"},
                              "toolResponse": {"toolResponse": {"id": "s",
                                "response": {"x": 1}}}}}},
      {"type": "tool-result", "id": "s", "name": "server:GOOGLE_SEARCH_WEB", "output": {"x": 1},
        "provider_executed": true})";
  const std::string code =
      R"({"type": "tool-call", "id": "e", "name": "code_execution",
      "input": {"language": "PYTHON", "code": "1"}, "provider_executed": true},
      {"type": "tool-result", "id": "e", "name": "code_execution",
        "output": {"outcome": "OUTCOME_OK"}, "provider_executed": true})";
  EXPECT_EQ(
      contents("gemini-3.5-flash", kHello + "," + assistant(search + "," + code)),
      "[" + kHelloTurn +
          R"(,{"role":"model","parts":[{"toolCall":{"id":"s","toolType":"GOOGLE_SEARCH_WEB"},)"
          R"("thoughtSignature":"S"},)"
          R"({"toolResponse":{"id":"s","response":{"x":1}}},)"
          R"({"executableCode":{"language":"PYTHON","code":"1"}},)"
          R"({"codeExecutionResult":{"outcome":"OUTCOME_OK"}}]}])");
  EXPECT_EQ(contents("gemma-4-31b-it", kHello + "," + assistant(search + "," + code)),
            "[" + kHelloTurn + "]");
  EXPECT_EQ(
      contents("gemini-3.5-flash",
               kHello + "," +
                   assistant(R"({"type": "tool-call", "id": "o", "name": "web_search", "input": {},
      "provider_executed": true}, {"type": "tool-result", "id": "o", "name": "code_execution",
        "output": {}, "provider_executed": true})")),
      "[" + kHelloTurn + "]");
}

// ---- Results of tools --------------------------------------------------------------------------

/// What the model reads of one result: the part, or the parts of all turns after the call.
std::string response(const std::string& model, const std::string& what) {
  const Document list = parse(
      contents(model, kHello + "," + assistant(call("c")) + "," + results(result("c", what))));
  return list.root().at(2)["parts"].at(0)["functionResponse"]["response"].dump();
}

TEST(Request, TellsFailuresFromOutputs) {
  EXPECT_EQ(response("m", R"("output": "ok")"), R"({"name":"open","content":"ok"})");
  EXPECT_EQ(response("m", R"("output": null)"), R"({"name":"open","content":null})");
  EXPECT_EQ(response("m", R"("error": true, "output": "boom")"),
            R"({"name":"open","error":"boom"})");
  EXPECT_EQ(response("m", R"("error": true, "output": {"$ref": 1})"),
            R"({"name":"open","error":"{\"$ref\":1}"})");
  EXPECT_EQ(
      response("m", R"("error": true, "content": [{"type": "text", "text": "boom"}])"),
      R"({"name":"open","content":{"content":[{"type":"text","text":"boom"}],"isError":true}})");
  EXPECT_EQ(response("m", R"("error": true)"), R"({"name":"open","error":"There is no result."})");
}

TEST(Request, SendsAsTextWhatGeminiWouldMisread) {
  EXPECT_EQ(response("m", R"("output": {"a": [{"$ref": "#/x"}]})"),
            R"({"name":"open","content":"{\"a\":[{\"$ref\":\"#/x\"}]}"})");
  EXPECT_EQ(response("m", R"("output": {"$ref": 1})"),
            R"({"name":"open","content":"{\"$ref\":1}"})");
  EXPECT_EQ(response("m", R"("output": {"a": "$ref"})"),
            R"({"name":"open","content":{"a":"$ref"}})");
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(response("m", R"("output": )" + nested(33)),
            R"({"name":"open","content":)" + nested(33) + "}");
  EXPECT_EQ(response("m", R"("output": )" + nested(34)),
            R"({"name":"open","content":")" + nested(34) + "\"}");
}

TEST(Request, SendsFilesOfResultsAsFiles) {
  const std::string shot =
      result("a", R"("content": [{"type": "text", "text": "done"}, {"type": "file", )"
                  R"("media_type": "image/png", "data": "AA=="}])");
  const std::string image = R"({"inlineData":{"mimeType":"image/png","data":"AA=="}})";
  const std::string response_a =
      R"({"functionResponse":{"id":"a","name":"open","response":{"name":"open",)"
      R"("content":{"content":[{"type":"text","text":"done"}]}})";
  const auto after_calls = [](const std::string& model, const std::string& calls,
                              const std::string& outcomes) {
    const Document list =
        parse(contents(model, kHello + "," + assistant(calls) + "," + results(outcomes)));
    std::string turns;
    for (std::size_t i = 2; i < list.root().size(); ++i) turns += list.root().at(i).dump();
    return turns;
  };
  const std::string response_b =
      R"({"functionResponse":{"id":"b","name":"open","response":{"name":"open","content":1}}})";
  const std::string two = call("a") + "," + call("b"), both = shot + "," + result("b");
  for (const char* model : {"gemini-3.8-flash", "gemini-3.5-flash", "gemini-4-argon"}) {
    EXPECT_EQ(after_calls(model, two, both), R"({"role":"user","parts":[)" + response_a +
                                                 R"(,"parts":[)" + image + "]}}," + response_b +
                                                 "]}")
        << model;
  }
  for (const char* model : {"gemini-2.5-flash", "gemma-4-31b-it"}) {
    EXPECT_EQ(after_calls(model, two, both),
              R"({"role":"user","parts":[)" + response_a + "}}," + response_b + "]}" +
                  R"({"role":"user","parts":[{"text":"Images returned by open:"},)" + image + "]}")
        << model;
    EXPECT_EQ(after_calls(model, call("a"), shot),
              R"({"role":"user","parts":[)" + response_a + "}}," + image + "]}")
        << model;
  }
  const std::string sound =
      result("a", R"("content": [{"type": "file", "media_type": "audio/wav", "data": "AA=="}])");
  const std::string seen =
      R"x({"functionResponse":{"id":"a","name":"open","response":{"name":"open",)x"
      R"x("content":{"content":[{"type":"text","text":"(see attached file)"}]}}}})x";
  EXPECT_EQ(after_calls("gemini-3.8-flash", call("a"), sound),
            R"({"role":"user","parts":[)" + seen +
                R"(]}{"role":"user","parts":[{"text":"Files returned by open:"},)"
                R"({"inlineData":{"mimeType":"audio/wav","data":"AA=="}}]})");
  EXPECT_EQ(
      response("gemma-4-31b-it",
               R"("content": [{"type": "file", "media_type": "audio/wav", "data": "AA==", )"
               R"("name": "a.wav"}])"),
      R"x({"name":"open","content":{"content":[{"type":"text",)x"
      R"x("text":"(a.wav was left out: the model cannot read files of type audio/wav)"}]}})x");
}

// ---- Files -------------------------------------------------------------------------------------

std::string file_part(const std::string& media_type, const std::string& data,
                      const std::string& model = "m") {
  const Document list = parse(contents(
      model, R"({"role": "user", "content": [{"type": "file", "name": "a.x", "media_type": ")" +
                 media_type + R"(", "data": ")" + data + "\"}]}"));
  return list.root().at(0)["parts"].at(0).dump();
}

TEST(Request, SendsFilesOfTypesThatGeminiReads) {
  for (const char* type : {"image/png", "image/webp", "application/pdf", "text/plain", "text/csv",
                           "audio/wav", "video/mp4"}) {
    EXPECT_EQ(file_part(type, "aGk="),
              R"({"inlineData":{"mimeType":")" + std::string(type) + R"(","data":"aGk="}})");
  }
  EXPECT_EQ(file_part("Text/Plain; charset=utf-8", "aGk="),
            R"({"inlineData":{"mimeType":"text/plain","data":"aGk="}})");
}

TEST(Request, SendsTheTextOfOtherFiles) {
  for (const char* type : {"application/json", "application/vnd.api+json", "text/x-python",
                           "image/svg+xml", "application/octet-stream", ""}) {
    EXPECT_EQ(file_part(type, "eyJhIjoxfQ=="), R"({"text":"a.x:\n{\"a\":1}"})") << type;
  }
  EXPECT_EQ(file_part("application/json", "w6TigqzwnZ+Y"), R"({"text":"a.x:\nä€𝟘"})");
  EXPECT_EQ(file_part("text/plain", "aGk=", "gemma-3-27b-it"), R"({"text":"a.x:\nhi"})");
}

TEST(Request, SaysWhichFilesItLeavesOut) {
  const std::string left_out =
      R"x({"text":"(a.x was left out: the model cannot read files of type application/zip)"})x";
  for (const char* binary :
       {"UEsDBA==", "AAA=", "//4=", "wIA=", "7aCA", "9JCAgA==", "4oI=", "not base64"}) {
    EXPECT_EQ(file_part("application/zip", binary), left_out) << binary;
  }
  EXPECT_EQ(file_part("application/zip", std::string(2 << 20, 'a')), left_out);
  EXPECT_EQ(
      contents("m",
               R"({"role": "user", "content": [{"type": "file", "media_type": "application/zip", )"
               R"("url": "https://a.example/b.zip"}]})"),
      R"x([{"role":"user","parts":[{"text":"(https://a.example/b.zip was left out: )x"
      R"x(the model cannot read files of type application/zip)"}]}])x");
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
