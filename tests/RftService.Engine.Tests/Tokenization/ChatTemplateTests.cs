using System.Text.Json;
using RftService.Engine.Data;
using RftService.Engine.Tokenization;

namespace RftService.Engine.Tests.Tokenization;

public sealed class ChatTemplateTests
{
    // As Qwen2.5 and Qwen3 write it, tools left out.
    private const string ChatMl = """
        {%- if messages[0]['role'] == 'system' %}
            {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
        {%- else %}
            {{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}
        {%- endif %}
        {%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
        {%- for message in messages[::-1] %}
            {%- set index = (messages|length - 1) - loop.index0 %}
            {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
                {%- set ns.multi_step_tool = false %}
                {%- set ns.last_query_index = index %}
            {%- endif %}
        {%- endfor %}
        {%- for message in messages %}
            {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
                {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
            {%- elif message.role == "assistant" %}
                {%- set content = message.content %}
                {%- if '</think>' in message.content %}
                    {%- set content = message.content.split('</think>')[-1].lstrip('\n') %}
                {%- endif %}
                {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
            {%- if enable_thinking is defined and enable_thinking is false %}
                {{- '<think>\n\n</think>\n\n' }}
            {%- endif %}
        {%- endif %}
        """;

    // As Llama 3.1 writes it, tools left out.
    private const string Llama = """
        {{- bos_token }}
        {%- if not date_string is defined %}
            {%- set date_string = strftime_now("%d %b %Y") %}
        {%- endif %}
        {%- if messages[0]['role'] == 'system' %}
            {%- set system_message = messages[0]['content']|trim %}
            {%- set messages = messages[1:] %}
        {%- else %}
            {%- set system_message = "" %}
        {%- endif %}
        {{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
        {{- "Cutting Knowledge Date: December 2023\n" }}
        {{- "Today Date: " + date_string + "\n\n" }}
        {{- system_message }}
        {{- "<|eot_id|>" }}
        {%- for message in messages %}
            {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
                {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
            {%- else %}
                {{- raise_exception("This model only supports plain turns!") }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
        {%- endif %}
        """;

    private static readonly ChatMessage[] Conversation =
        [new("user", " Hi "), new("assistant", "<think>\nhm\n</think>\n\nHello"), new("user", "1+1?")];

    [Fact]
    public void Render_ChatMlTemplate_GivesTheTurns() => Assert.Equal(
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n"
        + "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n",
        new ChatTemplate(ChatMl, null, "<|im_end|>").Render(Conversation));

    [Fact]
    public void Render_LlamaTemplate_GivesTheTurns() => Assert.Equal(
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\nBe brief.<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>",
        new ChatTemplate(Llama, "<|begin_of_text|>", "<|eot_id|>").Render([new("system", "Be brief. "), new("user", "Hi")], addGenerationPrompt: false));

    [Fact]
    public void Render_TemplateRaises_IsTheRowsFaultWithItsMessage()
    {
        var fault = Assert.Throws<TrainingException>(() => new ChatTemplate(Llama, null, null).Render([new("user", "x"), new("tool", "y")]));

        Assert.Equal(TrainingFault.RowUnusable, fault.Fault);
        Assert.Contains("only supports plain turns", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_NoBeginToken_PrintsNothingForIt() => Assert.Equal("[]", new ChatTemplate("[{{ bos_token }}]", null, null).Render([]));

    [Fact]
    public void Render_ToolCall_HasWhatWasSaidAndArgumentsAsAnObject()
    {
        ChatMessage message = ChatMessage.Read(JsonElement.Parse(
            """{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"{\"x\":[1,2.5,null]}"}}]}"""));
        var tools = JsonElement.Parse("""[{"type":"function","function":{"name":"f"}}]""");

        Assert.Equal(
            """{"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": [1, 2.5, null]}}}]}|f""",
            new ChatTemplate("{{ messages[0] | tojson }}|{{ tools[0].function.name }}", null, null).Render([message], tools: tools));
        Assert.Equal("True", new ChatTemplate("{{ tools is none }}", null, null).Render([message], tools: JsonElement.Parse("[]")));
        Assert.Equal("ab", ChatMessage.Read(JsonElement.Parse("""{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}""")).Content);
    }
}
