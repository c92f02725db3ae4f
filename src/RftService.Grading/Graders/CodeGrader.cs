using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using RftService.Grading.Sandbox;

namespace RftService.Grading.Graders;

/// <summary>What a grader that is code is told.</summary>
public abstract record CodeSpec : GraderSpec
{
    /// <summary>The source.</summary>
    [StringLength(262_144, MinimumLength = 1)]
    public required string Source { get; init; }

    /// <summary>Time for one sample; past it the process is killed and the grade is an error.</summary>
    [Range(0.05, 120.0)]
    public double TimeoutSeconds { get; init; } = 10;
}

/// <summary>A grader whose `grade(sample, item)` is code in a sandbox, in either language.</summary>
internal abstract class CodeGrader : IGrader
{
    private const int LongestAnswer = 65_536;

    private readonly CodeSandbox _sandbox;
    private readonly SandboxProgram _program;
    private readonly TimeSpan _limit;
    private readonly GradeError _runtimeError, _serverError;

    /// <exception cref="GraderSpecException">There is no sandbox here, or the source does not load.</exception>
    protected CodeGrader(CodeSpec spec, GraderHost host, SandboxLanguage language, GradeError runtimeError, GradeError serverError)
    {
        (_sandbox, _limit, _runtimeError, _serverError) = (host.Sandbox, TimeSpan.FromSeconds(spec.TimeoutSeconds), runtimeError, serverError);
        if (_sandbox.Refusal is { } refusal)
        {
            throw new GraderSpecException("", refusal);
        }

        if (language == SandboxLanguage.JavaScript && !_sandbox.HasJavaScript)
        {
            throw new GraderSpecException("", "The JavaScript host is not installed beside this program. Build or publish the service whole.");
        }

        _program = new SandboxProgram(language, spec.Source, LongestAnswer, _sandbox.WorkersPerGrader);
        if (_sandbox.Load(_program) is { } fault)
        {
            throw new GraderSpecException(fault.End == SandboxEnd.Unloadable ? "/source" : "", fault.Message);
        }
    }

    public RowFault? Reject(JsonElement item) => null; // only the code knows what it reads

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation)
    {
        var reply = await _sandbox.AskAsync(_program, id => Request(id, input), _limit, cancellation);
        return reply.End switch
        {
            SandboxEnd.Answered => GradeOf(reply.Body),
            SandboxEnd.TimedOut => Grade.Failed(GradeError.UnresponsiveRewardError, reply.Message),
            SandboxEnd.NotStarted => Grade.Failed(_serverError, reply.Message),
            _ => Grade.Failed(_runtimeError, reply.Message),
        };
    }

    private static byte[] Request(string id, GradingInput input)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WritePropertyName("item");
            if (JsonText.CompletionJson.IsText(input.Item))
            {
                input.Item.WriteTo(writer);
            }
            else
            {
                writer.WriteNullValue(); // half a surrogate pair: no text that could be sent
            }

            writer.WriteStartObject("sample");
            writer.WriteString("output_text", Whole(input.OutputText));
            writer.WritePropertyName("output_json");
            if (JsonText.CompletionJson.Parse(input.OutputText, JsonText.JsonExtraction.Whole) is { } json)
            {
                json.WriteTo(writer);
            }
            else
            {
                writer.WriteNullValue();
            }

            writer.WriteStartArray("choices");
            writer.WriteStartObject();
            writer.WriteString("finish_reason", input.Truncated ? "length" : "stop");
            writer.WriteStartObject("message");
            writer.WriteString("role", "assistant");
            writer.WriteString("content", Whole(input.OutputText));
            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    // A lone surrogate has no UTF-8: the writer would throw.
    private static string Whole(string text) => text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') < 0
        ? text
        : string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()));

    private Grade GradeOf(JsonElement answer)
    {
        if (answer.TryGetProperty("error", out _))
        {
            return Grade.Failed(_runtimeError, ForeignGrade.Text(answer, "error") ?? "The code failed.");
        }

        return ForeignGrade.Read(answer, _runtimeError, "The code gave no grade.");
    }
}
