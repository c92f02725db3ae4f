using RftService.Engine.Data;

namespace RftService.Api.Tests.Datasets;

public sealed class RowRulesTests
{
    [Theory]
    [InlineData(DataKind.Prompts, """{"prompt":"a","answer":{"any":["thing",null,1.5]}}""")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"system","content":""},{"role":"user","content":"a"}]}""")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","name":"Ann","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"c1","name":"f","content":"2"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}""")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}}]},{"role":"user","content":"a"}],"tools":null}""")]
    [InlineData(DataKind.Prompts, """{"prompt":"a","tools":"any"}""")]
    [InlineData(DataKind.Expert, """{"prompt":"a","completion":"b"}""")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"","reward":-0.5}""")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1,"log_probs":[-0.25,0,-0.0,-3e2]}""")]
    [InlineData(DataKind.Preferences, """{"prompt":"a","chosen":"b","rejected":"c"}""")]
    [InlineData(DataKind.Preferences, """{"prompt":"a","chosen":"b","rejected":"c","weight":0.25}""")]
    public void Row_OfItsKind_IsAccepted(DataKind kind, string row) => Assert.Empty(DatasetScan.Of(row, kind).Report.Faults);

    [Theory]
    [InlineData(DataKind.Prompts, """{"question":"a","answer":"b"}""", "missing_field", "")]
    [InlineData(DataKind.Prompts, """{"prompt":""}""", "empty_text", "/prompt")]
    [InlineData(DataKind.Prompts, """{"prompt":["a"]}""", "wrong_type", "/prompt")]
    [InlineData(DataKind.Prompts, """{"prompt":"a","messages":[{"role":"user","content":"a"}]}""", "conflicting_fields", "/prompt")]
    [InlineData(DataKind.Prompts, """{"messages":[]}""", "wrong_type", "/messages")]
    [InlineData(DataKind.Prompts, """{"messages":{"role":"user"}}""", "wrong_type", "/messages")]
    [InlineData(DataKind.Prompts, """{"messages":["hello"]}""", "wrong_type", "/messages/0")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"bot","content":"a"},{"role":"user","content":"a"}]}""", "invalid_role", "/messages/0/role")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"a"}]}""", "last_role", "/messages/1/role")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":[{"type":"image_url","text":"a"}]}]}""", "unsupported_value", "/messages/0/content/0/type")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":[{"type":"text"}]}]}""", "missing_field", "/messages/0/content/0/text")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":null}]}""", "wrong_type", "/messages/0/content")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"assistant","content":null,"tool_calls":[]},{"role":"user","content":"a"}]}""", "wrong_type", "/messages/0/content")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"[1]"}}]},{"role":"user","content":"a"}]}""", "wrong_type", "/messages/0/tool_calls/0/function/arguments")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"assistant","content":"","tool_calls":[{"type":"function","index":0,"function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"a"}]}""", "unknown_field", "/messages/0/tool_calls/0/index")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a","tool_calls":[]}]}""", "unknown_field", "/messages/0/tool_calls")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a","tool_call_id":"c"}]}""", "unknown_field", "/messages/0/tool_call_id")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a","name":1}]}""", "wrong_type", "/messages/0/name")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{}}]}""", "missing_field", "/tools/0/function/name")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a"}],"tools":{"f":1}}""", "wrong_type", "/tools")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user"}]}""", "missing_field", "/messages/0/content")]
    [InlineData(DataKind.Prompts, """{"messages":[{"role":"user","content":"a","na/me":"b"}]}""", "unknown_field", "/messages/0/na~1me")]
    [InlineData(DataKind.Expert, """{"prompt":"a"}""", "missing_field", "/completion")]
    [InlineData(DataKind.Expert, """{"prompt":"a","completion":""}""", "empty_text", "/completion")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b"}""", "missing_field", "/reward")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":"1"}""", "wrong_type", "/reward")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1e400}""", "number_out_of_range", "/reward")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1,"log_probs":null}""", "wrong_type", "/log_probs")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1,"log_probs":[]}""", "wrong_type", "/log_probs")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1,"log_probs":[-1,0.5]}""", "log_prob_out_of_range", "/log_probs/1")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1,"log_probs":[-1e300]}""", "log_prob_out_of_range", "/log_probs/0")]
    [InlineData(DataKind.Rollouts, """{"prompt":"a","completion":"b","reward":1,"log_probs":["-1"]}""", "wrong_type", "/log_probs/0")]
    [InlineData(DataKind.Preferences, """{"prompt":"a","chosen":"b"}""", "missing_field", "/rejected")]
    [InlineData(DataKind.Preferences, """{"prompt":"a","chosen":"b","rejected":"b"}""", "same_text", "/rejected")]
    [InlineData(DataKind.Preferences, """{"prompt":"a","chosen":"b","rejected":"c","weight":"high"}""", "wrong_type", "/weight")]
    [InlineData(DataKind.Preferences, """{"prompt":"a","chosen":"b","rejected":"c","weight":-0.5}""", "weight_out_of_range", "/weight")]
    public void Row_NotOfItsKind_NamesTheMember(DataKind kind, string row, string code, string pointer)
    {
        var fault = DatasetScan.Of(row, kind).Only;

        Assert.Equal((1, code, pointer), (fault.Line, fault.Code, fault.Pointer));
    }

    [Fact]
    public void Row_SeveralFaults_AreAllReported()
    {
        var scan = DatasetScan.Of("""{"prompt":1,"completion":2,"log_probs":[1,"x"]}""", DataKind.Rollouts);

        Assert.Equal(["/prompt", "/completion", "/reward", "/log_probs/0", "/log_probs/1"], scan.Report.Faults.Select(fault => fault.Pointer));
    }

    [Fact]
    public void Templates_MakePromptAndCompletion()
    {
        var scan = DatasetScan.Of("""{"question":"2+2?","answer":"4"}""", DataKind.Expert, "Q: {{item.question}}", "{{ item.answer }}");

        Assert.Equal(0, scan.Report.Total);
        Assert.Equal((7, 1), (scan.Scanner.Statistics().PromptCharacters.Max, scan.Scanner.Statistics().CompletionCharacters!.Max));
    }

    [Fact]
    public void Template_VariableMissing_IsNamed()
    {
        var fault = DatasetScan.Of("""{"query":"a"}""", prompt: "{{item.question}}").Only;

        Assert.Equal("template_variable_missing", fault.Code);
        Assert.Contains("expected `item.question`, which prompt_template names, found only `query`", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"prompt":"a"}""", "/prompt")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", "/messages")]
    public void Template_BesideTheRowsOwnPrompt_IsRefused(string row, string pointer)
    {
        var fault = DatasetScan.Of(row, prompt: "{{item.prompt}}").Only;

        Assert.Equal(("conflicting_fields", pointer), (fault.Code, fault.Pointer));
    }

    [Fact]
    public void CompletionTemplate_BesideTheRowsOwnCompletion_IsRefused() =>
        Assert.Equal(
            ("conflicting_fields", "/completion"),
            (DatasetScan.Of("""{"prompt":"a","completion":"b"}""", DataKind.Expert, completion: "x").Only.Code, "/completion"));

    [Fact]
    public void Statistics_CountFieldsLengthsAndDuplicates()
    {
        var scan = DatasetScan.Of("""
            {"prompt":"aaaa","n":1}
            {"prompt":"aaaa","n":"x"}
            {"prompt":"bb"}
            {"prompt":"c","n":null}
            """);

        var statistics = scan.Scanner.Statistics();

        Assert.Equal(["n", "prompt"], statistics.Fields.Keys);
        Assert.Equal(3, statistics.Fields["n"].Present);
        Assert.Equal(["null", "number", "string"], statistics.Fields["n"].Types.Keys);
        // Lengths 1, 2, 4, 4: nearest rank gives the second for the median, the fourth for p95; mean 11/4.
        var lengths = statistics.PromptCharacters;
        Assert.Equal((1, 2, 2.75, 4, 4), (lengths.Min, lengths.Median, lengths.Mean, lengths.P95, lengths.Max));
        Assert.Equal([(1, 1, 1L), (2, 3, 1L), (4, 7, 2L)], lengths.Histogram.Select(bucket => (bucket.From, bucket.To, bucket.Count)));
        Assert.Null(statistics.CompletionCharacters);
        Assert.Equal((1L, 4L), (statistics.DuplicatePrompts.Rows, statistics.DuplicatePrompts.CheckedRows));
    }
}
