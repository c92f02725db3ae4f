using System.Text.Json.Nodes;
using Jint;
using Jint.Native;
using Jint.Native.Function;
using Jint.Native.Object;
using Jint.Runtime;

namespace RftService.GraderHost;

/// <summary>
/// The engine of one sample, its source loaded. Jint's own limits only give kinder messages: native recursion, huge integers and typed arrays
/// slip past them, and then the sandbox around this process ends it.
/// </summary>
internal sealed class GraderEngine : IDisposable
{
    /// <summary>Levels of JSON that are read: a row and a completion of 64 levels each, as the service takes them, and what is around them.</summary>
    public const int DeepestJson = 128;

    private const int MostEntries = 32;
    private const int LongestName = 64;
    private const int LongestReason = 2000;
    private const int LongestInfo = 500;

    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    private readonly Engine _engine;
    private readonly JsValue _parse, _stringify, _grade;

    /// <exception cref="UngradableException">The source defines no function `grade`.</exception>
    public GraderEngine(Prepared<Acornima.Ast.Script> script)
    {
        _engine = new Engine(options =>
        {
            options.LimitRecursion(256).RegexTimeoutInterval(RegexLimit).DisableStringCompilation();
            options.Constraints.StackOverflowGuard = true;
            options.Json.MaxParseDepth = DeepestJson;
            options.AgentCanSuspend = false; // there is nobody who could wake it
        });
        _parse = _engine.Evaluate("JSON.parse"); // before the source can put something else there
        _stringify = _engine.Evaluate("JSON.stringify");
        _engine.Execute(script);
        _grade = _engine.GetValue("grade");
        if (_grade is not Function)
        {
            throw new UngradableException("the source defines no function grade(sample, item)");
        }
    }

    public void Dispose() => _engine.Dispose();

    /// <summary>The answer to the host, its id left out.</summary>
    public JsonObject Grade(string sample, string item)
    {
        var value = _engine.Invoke(_grade, _engine.Invoke(_parse, sample), _engine.Invoke(_parse, item));
        if (value is not ObjectInstance given || value.IsArray())
        {
            return Score(value);
        }

        if (value.IsPromise())
        {
            throw new UngradableException("grade returned a promise: there is nothing to wait for here, so write it without async");
        }

        var inner = given.Get("value");
        var answer = Score(inner.IsUndefined() ? given.Get("score") : inner);
        if (given.Get("reason") is { } reason && reason.IsString())
        {
            answer["reason"] = Cut(reason.AsString(), LongestReason);
        }

        if (given.Get("parts") is ObjectInstance parts)
        {
            answer["parts"] = Entries(parts, part => part.IsNumber() && double.IsFinite(part.AsNumber()) ? JsonValue.Create(part.AsNumber()) : null, keepNulls: false);
        }

        if (given.Get("info") is ObjectInstance info)
        {
            answer["info"] = Entries(info, Shown, keepNulls: true);
        }

        return answer;
    }

    private static JsonObject Score(JsValue value)
    {
        if (value.IsNull() || value.IsUndefined())
        {
            return new JsonObject { ["abstain"] = true };
        }

        if (!value.IsNumber() && !value.IsBoolean())
        {
            throw new UngradableException($"grade returned {(value.IsArray() ? "an Array" : $"a {value.Type}")}, not a number");
        }

        var number = value.IsBoolean() ? value.AsBoolean() ? 1 : 0 : value.AsNumber();
        return double.IsFinite(number) ? new JsonObject { ["value"] = number } : throw new UngradableException($"grade returned {value}");
    }

    private static JsonObject Entries(ObjectInstance given, Func<JsValue, JsonValue?> read, bool keepNulls)
    {
        var entries = new JsonObject();
        foreach (var key in given.GetOwnPropertyKeys(Types.String).Take(MostEntries))
        {
            var value = read(given.Get(key));
            if (value is not null || keepNulls)
            {
                entries[Cut(key.ToString(), LongestName)] = value;
            }
        }

        return entries;
    }

    private JsonValue? Shown(JsValue value) =>
        value.IsNull() || value.IsUndefined() ? null
        : value.IsBoolean() ? JsonValue.Create(value.AsBoolean())
        : value.IsNumber() && double.IsFinite(value.AsNumber()) ? JsonValue.Create(value.AsNumber())
        : JsonValue.Create(Cut(value.IsObject() ? _engine.Invoke(_stringify, value).ToString() : value.ToString(), LongestInfo));

    /// <summary>A text, cut.</summary>
    public static string Cut(string text, int longest) => text.Length <= longest ? text : text[..longest];
}

/// <summary>What the code gave is no grade.</summary>
#pragma warning disable CA1032, CA1064 // Made in one place.
internal sealed class UngradableException(string message) : Exception(message);
#pragma warning restore CA1032, CA1064
