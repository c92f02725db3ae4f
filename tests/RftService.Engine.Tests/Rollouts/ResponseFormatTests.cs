using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Rollouts;
using RftService.Engine.Rollouts.Constraints;
using RftService.Engine.Tests.Models;
using RftService.Engine.Tokenization;
using RftService.Grading;
using RftService.Grading.Graders;
using TorchSharp;

namespace RftService.Engine.Tests.Rollouts;

public sealed class ResponseFormatTests : IDisposable
{
    private const string Tree = """
        {"type":"object","properties":{"value":{"type":"integer"},"children":{"type":"array","items":{"$ref":"#"}},"next":{"anyOf":[{"$ref":"#/$defs/leaf"},{"type":"null"}]}},
         "required":["value","children","next"],"additionalProperties":false,
         "$defs":{"leaf":{"type":"object","properties":{"name":{"enum":["a","b\"c","é"]},"next":{"$ref":"#/$defs/leaf_or_null"}},"required":["name","next"],"additionalProperties":false},
                  "leaf_or_null":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/leaf"}]}}}
        """;

    private readonly TinyModel _folder = new(config => config["max_position_embeddings"] = 1024);
    private readonly ICausalLm _model;
    private readonly Tokenizer _tokenizer;
    private readonly Sampler _sampler;

    public ResponseFormatTests()
    {
        _model = _folder.Load();
        _tokenizer = Tokenizer.Load(_folder.Folder);
        _sampler = new Sampler(_model, _tokenizer);
    }

    public void Dispose()
    {
        _sampler.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"ok":{"type":"boolean"},"n":{"type":"integer"},"x":{"type":"number"}},"required":["x","ok","n"],"additionalProperties":false}""")]
    [InlineData("""{"type":"array","items":{"enum":["red","green",3,null,{"deep":[1]}]},"minItems":2,"maxItems":4}""")]
    [InlineData("""{"type":"array","items":{"type":["boolean","null"]},"minItems":1}""")]
    [InlineData("""{"anyOf":[{"const":"yes"},{"type":"object","properties":{},"required":[],"additionalProperties":false},{"type":"integer"}]}""")]
    [InlineData("""{"type":"object","properties":{"s":{"type":"string","description":"any"}},"required":["s"],"additionalProperties":false,"title":"T"}""")]
    [InlineData(Tree)]
    [InlineData("""{"type":"array","items":{"type":"array","items":{"$ref":"#"},"maxItems":3},"maxItems":3}""")]
    [InlineData("""{"type":"object","properties":{"age":{"type":"integer","minimum":0,"maximum":150},"p":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1},"id":{"type":["string","null"],"pattern":"^[A-Z]{2}-\\d+$","maxLength":8}},"required":["age","p","id"],"additionalProperties":false}""")]
    [InlineData("""{"type":"array","items":{"anyOf":[{"type":"string","format":"date-time"},{"type":"string","format":"email"},{"type":"string","format":"uuid"}]},"maxItems":2}""")]
    [InlineData("""{"type":"array","items":{"type":"string","minLength":2,"maxLength":5},"minItems":1}""")]
    public void Sample_UnderASchema_IsJsonThatItAllows(string schema)
    {
        var form = JsonDocument.Parse(schema).RootElement;
        using var host = new GraderHost();
        var grader = GraderCatalog.Create(new JsonSchemaSpec { Name = "it", Schema = form }, host);

        var rollouts = Sample(Spec(form) with { MaxTokens = 400 }, 12).Concat(Sample(Spec(form) with { MaxTokens = 7 }, 4)).ToList();

        Assert.Contains(rollouts, rollout => rollout.Stop == StopReason.EndOfText);
        Assert.All(rollouts, rollout =>
        {
            if (rollout.Stop == StopReason.Length)
            {
                AssertBegins(rollout.Text);
                return;
            }

            var grade = grader.ScoreAsync(new GradingInput(default, rollout.Text), CancellationToken.None).AsTask().GetAwaiter().GetResult();
            Assert.True(grade.Value == 1, $"{grade.Reason}: {rollout.Text}");
        });
    }

    [Fact]
    public void Sample_JsonObject_IsAnObject()
    {
        var rollouts = Sample(new SamplingSpec { MaxTokens = 500, Temperature = 2, ResponseFormat = new() { Type = ResponseFormatKind.JsonObject } }, 30);

        Assert.Contains(rollouts, rollout => rollout is { Stop: StopReason.EndOfText, Text.Length: > 2 });
        Assert.All(rollouts, rollout =>
        {
            if (rollout.Stop == StopReason.Length)
            {
                AssertBegins(rollout.Text);
            }
            else
            {
                Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(rollout.Text).RootElement.ValueKind);
            }
        });
    }

    [Fact]
    public void Sample_UnderASchema_LogProbsAreThoseOfAllTokens()
    {
        using var scope = torch.NewDisposeScope();
        using var gradientOff = torch.no_grad();
        var form = JsonDocument.Parse("""{"type":"array","items":{"type":"integer"}}""").RootElement;

        foreach (var rollout in Sample(Spec(form) with { MaxTokens = 20, Temperature = 0.7, FrequencyPenalty = 0.5 }, 3))
        {
            var tokens = torch.tensor(rollout.Tokens.Prepend(65).Select(token => (long)token).ToArray()).unsqueeze(0);
            var logProbs = torch.nn.functional.linear(_model.Hidden(tokens)[0], _model.HeadWeight).div(Constant.Of(0.7)).log_softmax(-1);
            Assert.All(rollout.Tokens.Index(), token => Assert.Equal(logProbs[token.Index, token.Item].item<float>(), rollout.BehaviorLogProbs[token.Index], 2e-5f));
        }
    }

    [Fact]
    public void Sample_UnderASchema_IsTheSameWhateverTheBatch()
    {
        var spec = Spec(JsonDocument.Parse(Tree).RootElement) with { MaxTokens = 200 };
        using var narrow = new Sampler(_model, _tokenizer, maxRows: 2);

        Assert.Equal(
            Sample(spec, 6).Select(rollout => rollout.Text),
            narrow.Sample([[65]], 6, spec, seed: 5, CancellationToken.None)[0].Select(rollout => rollout.Text));
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}""", "/additionalProperties")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false}""", "/required")]
    [InlineData("""{"type":"object","properties":{"a/b":{"type":"string","pattern":"(?=x)"}},"required":["a/b"],"additionalProperties":false}""", "/properties/a~1b/pattern")]
    [InlineData("""{"type":"string","pattern":"(a)\\1"}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"\\bword"}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"((((a{1000}){1000}){1000}){1000})"}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"^(a|b)*a(a|b){18}$"}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"^a{3}$","maxLength":2}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"a["}""", "/pattern")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""", "/minLength")]
    [InlineData("""{"type":"string","format":"hostname"}""", "/format")]
    [InlineData("""{"type":"integer","pattern":"x"}""", "/pattern")]
    [InlineData("""{"type":"string","minimum":1}""", "/minimum")]
    [InlineData("""{"type":"integer","multipleOf":0}""", "/multipleOf")]
    [InlineData("""{"type":"number","multipleOf":0.129}""", "/multipleOf")]
    [InlineData("""{"type":"integer","multipleOf":"2"}""", "/multipleOf")]
    [InlineData("""{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]},"$defs":{"a":{"anyOf":[{"type":"integer","multipleOf":121},{"type":"integer","multipleOf":122},{"type":"integer","multipleOf":123},{"type":"integer","multipleOf":124},{"type":"integer","multipleOf":125},{"type":"integer","multipleOf":126}]},"b":{"anyOf":[{"type":"integer","multipleOf":111},{"type":"integer","multipleOf":112},{"type":"integer","multipleOf":113},{"type":"integer","multipleOf":114},{"type":"integer","multipleOf":115},{"type":"integer","multipleOf":116}]}}}""", "/$defs/b/anyOf/5")]
    [InlineData("""{"type":"integer","minimum":1,"maximum":6,"multipleOf":7}""", "/minimum")]
    [InlineData("""{"type":"integer","exclusiveMinimum":true}""", "/exclusiveMinimum")]
    [InlineData("""{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2}""", "/exclusiveMinimum")]
    [InlineData("""{"type":"number","maximum":1e-20}""", "/maximum")]
    [InlineData("""{"type":"array","items":{"type":"float"}}""", "/items/type")]
    [InlineData("""{"type":"array","items":true}""", "/items")]
    [InlineData("""{"type":"array","items":{"type":"null"},"minItems":3,"maxItems":2}""", "/minItems")]
    [InlineData("""{"type":"string","enum":["a",1]}""", "/enum")]
    [InlineData("""{"type":"string","items":{"type":"null"}}""", "/items")]
    [InlineData("""{"anyOf":[{"type":"null"},{"oneOf":[]}]}""", "/anyOf/1/oneOf")]
    [InlineData("""{"$ref":"#/$defs/none"}""", "/$ref")]
    [InlineData("""{"anyOf":[{"type":"null"},{"$ref":"#"}]}""", "")]
    [InlineData("""{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/a"},"minItems":1}}}""", "/$defs/a")]
    [InlineData("""{"type":"string","const":"\ud800"}""", "/const")]
    [InlineData("""{"description":"nothing"}""", "")]
    [InlineData("[]", "")]
    public void Validate_WhatIsNotSupported_NamesThePlace(string schema, string place)
    {
        var format = new JsonSchemaFormat { Name = "it", Schema = JsonDocument.Parse(schema).RootElement };

        var fault = Assert.Single(format.Validate(new ValidationContext(format)));

        Assert.Equal([nameof(JsonSchemaFormat.Schema), place], fault.MemberNames);
    }

    [Fact]
    public void Next_ManyNumbersAndStrings_TakesWhatAReaderTakes()
    {
        var automaton = new JsonAutomaton(SchemaGrammar.AnyObject());
        bool Takes(string text)
        {
            var state = automaton.Start;
            foreach (var value in Encoding.UTF8.GetBytes(text))
            {
                if (automaton.Next(state, value) is not { } next)
                {
                    return false;
                }

                state = next;
            }

            return state.IsComplete;
        }

        Assert.All(["{}", """{"a": [1, -0.5e+10,"\u00e9\ud83d\ude00 é😀"],"b":{"c":null}}""", """{"":true}"""], text => Assert.True(Takes(text), text));
        Assert.All(
            ["", "{", "[]", "{} ", "{ }", """{"a":01}""", """{"a":1.}""", """{"a":.5}""", """{"a":+1}""", """{"a":"\x"}""", """{"a":"\ud83d"}""", """{"a":1,}""", "{\"a\":\"\n\"}"],
            text => Assert.False(Takes(text), text));
        // Levels: 60 are taken, one more is not, and from the last one the text can still be ended.
        string Nested(int levels) => string.Concat(Enumerable.Repeat("{\"a\":", levels - 1)) + "{}" + new string('}', levels - 1);
        Assert.True(Takes(Nested(60)));
        Assert.False(Takes(Nested(61)));
    }

    private static SamplingSpec Spec(JsonElement schema) => new()
    {
        ResponseFormat = new() { Type = ResponseFormatKind.JsonSchema, JsonSchema = new() { Name = "it", Schema = schema } },
    };

    private IReadOnlyList<Rollout> Sample(SamplingSpec spec, int count) => _sampler.Sample([[65]], count, spec, seed: 5, CancellationToken.None)[0];

    // A reader that is told that more comes finds no fault. The text may have been cut inside a character.
    private static void AssertBegins(string text)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text.TrimEnd('\uFFFD')), isFinalBlock: false, state: default);
        while (reader.Read())
        {
        }
    }
}
