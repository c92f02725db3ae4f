using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Engine.Data;
using RftService.Engine.Tokenization;
using RftService.Engine.Tokenization.Templates;
using RftService.Testing;

namespace RftService.Engine.Tests.Tokenization.Oracle;

/// <summary>Chat templates of real models against Hugging Face's Jinja for node.</summary>
public sealed class TemplateOracleTests
{
    // Each: messages and, where they matter, tools, enable_thinking and other switches of the templates.
    private const string Conversations = """
        [
          {"messages": [{"role": "user", "content": "hi"}]},
          {"messages": [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "  2+2?\n"}]},
          {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "add_generation_prompt": false},
          {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": " b "}, {"role": "user", "content": "ü \"q\" <x> 😀"}]},
          {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nhm,\nso\n</think>\n\nb"}, {"role": "user", "content": "c"}]},
          {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nb"}], "add_generation_prompt": false},
          {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "\nbecause\n"}], "add_generation_prompt": false},
          {"messages": [{"role": "user", "content": "a"}], "enable_thinking": false},
          {"messages": [{"role": "user", "content": "a"}], "enable_thinking": true},
          {"messages": [{"role": "user", "content": "weather?"}], "tools": [{"type": "function", "function": {"name": "weather", "description": "Of a \"city\" <now>",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1.5}}, "required": ["city"]}}}]},
          {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln", "n": [1, null, true]}}}]},
            {"role": "tool", "content": "{\"t\": 12.5}", "tool_call_id": "abcdefghi"}, {"role": "assistant", "content": "12.5 degrees"}, {"role": "user", "content": "thanks"}],
           "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}}}]},
          {"messages": [{"role": "user", "content": "two"},
            {"role": "assistant", "content": "let me see", "tool_calls": [{"id": "abcdefghi", "function": {"name": "f", "arguments": {}}}, {"id": "abcdefghj", "function": {"name": "g", "arguments": {"x": 1}}}]},
            {"role": "tool", "content": "1", "tool_call_id": "abcdefghi"}, {"role": "tool", "content": "2", "tool_call_id": "abcdefghj"}]},
          {"messages": [{"role": "user", "content": "three"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": {"x": {"y": [1.5, "z"]}}}}]},
            {"role": "tool", "name": "f", "content": "1", "tool_call_id": "abcdefghi"}],
           "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "object"}}}, "strict": true}}]},
          {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}], "tools_in_user_message": false,
           "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number"}}}}}}]},
          {"messages": [{"role": "user", "content": "q"}], "date_string": "1 Jan 2025"},
          {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
          {"messages": [{"role": "assistant", "content": "a"}]},
          {"messages": [{"role": "user", "content": [{"type": "text", "text": " part "}, {"type": "text", "text": "two"}]}]},
          {"messages": [{"role": "user", "content": "{{ x }} {% if %} \\n \t"}]}
        ]
        """;

    [NpmTheory]
    [InlineData("qwen3")]
    [InlineData("gemma3")]
    [InlineData("gemma2")]
    [InlineData("llama3_1")]
    [InlineData("mistral")]
    [InlineData("phi3")]
    [InlineData("phi4")]
    [InlineData("smollm2")]
    public void Render_Conversations_EqualsHuggingFace(string model)
    {
        var source = Source(model);
        // Content in parts is for templates that know it: of the others node makes what Python, and this service, refuse or print otherwise.
        var conversations = JsonDocument.Parse(Conversations).RootElement.EnumerateArray()
            .Where(conversation => model == "gemma3" || conversation.GetProperty("messages")[0].GetProperty("content").ValueKind == JsonValueKind.String)
            .Select(Complete).ToArray();
        var expected = NpmOracle.Render(source, JsonSerializer.Serialize(conversations));
        var template = Template.Parse(source);

        var rendered = 0;
        foreach (var (index, conversation) in conversations.Index())
        {
            if (expected[index].ValueKind == JsonValueKind.Object)
            {
                Assert.Throws<TemplateException>(() => template.Render(Variables(conversation), ChatTemplate.Today));
                continue;
            }

            rendered++;
            Assert.Equal(expected[index].GetString(), template.Render(Variables(conversation), ChatTemplate.Today));
            AsOpenAi(source, conversation, expected[index].GetString()!);
        }

        Assert.True(rendered >= 6, $"only {rendered} conversations could be compared");
    }

    // The same as datasets and clients write it: arguments as text, and no switches.
    private static void AsOpenAi(string source, Dictionary<string, JsonElement> conversation, string expected)
    {
        string[] known = ["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"];
        var messages = JsonNode.Parse(conversation["messages"].GetRawText())!.AsArray();
        if (conversation.Keys.Except(known).Any() || messages.Any(message => message!["reasoning_content"] is not null || message["content"] is JsonArray))
        {
            return;
        }

        foreach (var function in messages.SelectMany(message => message!["tool_calls"]?.AsArray() ?? []).Select(call => call!["function"]!))
        {
            function["arguments"] = function["arguments"]!.ToJsonString();
        }

        var rendered = new ChatTemplate(source, "<bos>", "<eos>").Render(
            [.. JsonSerializer.SerializeToElement(messages).EnumerateArray().Select(ChatMessage.Read)],
            conversation["add_generation_prompt"].GetBoolean(),
            conversation.TryGetValue("tools", out var tools) ? tools : null);

        Assert.Equal(expected, rendered);
    }

    // From the package where it has the published template, else from the copy beside this test.
    private static string Source(string model) => model is "qwen3" or "gemma3"
        ? JsonDocument.Parse(File.ReadAllText(Path.Combine(NpmOracle.Model(model), "tokenizer_config.json"))).RootElement.GetProperty("chat_template").GetString()!
        : File.ReadAllText(Repository.Path("tests", "RftService.Engine.Tests", "Tokenization", "Oracle", "Templates", model + ".jinja"));

    private static Dictionary<string, JsonElement> Complete(JsonElement conversation)
    {
        var variables = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>("""{"bos_token": "<bos>", "eos_token": "<eos>", "add_generation_prompt": true}""")!;
        foreach (var member in conversation.EnumerateObject())
        {
            variables[member.Name] = member.Value;
        }

        return variables;
    }

    private static Dictionary<string, object?> Variables(Dictionary<string, JsonElement> variables) =>
        variables.ToDictionary(pair => pair.Key, pair => TemplateValue.Of(pair.Value));
}
