using System.Text.Json;
using System.Text.Json.Nodes;
using Acornima.Ast;
using Jint;
using Jint.Runtime;

namespace RftService.GraderHost;

/// <summary>
/// Loads a grader's JavaScript, then answers one line of JSON for each line. Every sample gets an engine of its own, so that nothing that one
/// does to globals and prototypes is seen by the next; it is made while nobody waits for it.
/// </summary>
internal sealed class GraderLoop(TextReader input, Stream output)
{
    private const int LongestMessage = 200;

    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = GraderEngine.DeepestJson };

    public int Run()
    {
        if (input.ReadLine() is not { } first)
        {
            return 0;
        }

        GraderEngine engine;
        Prepared<Script> script;
        try
        {
            script = Engine.PrepareScript(JsonNode.Parse(first)!["source"]!.GetValue<string>(), "grader.js");
            engine = new GraderEngine(script);
        }
#pragma warning disable CA1031 // The source is foreign: whatever it throws is told to the host.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Send(new JsonObject { ["unloadable"] = Describe(fault) });
            return 0;
        }

        Send(new JsonObject { ["ready"] = true });
        while (input.ReadLine() is { } line)
        {
            var request = JsonNode.Parse(line, documentOptions: Deep)!;
            Send(new JsonObject { ["got"] = request["id"]!.GetValue<string>() });
            Send(Answer(engine, request));
            engine.Dispose();
            engine = new GraderEngine(script); // a source that fails the second time ends the process, and the host starts another
        }

        return 0;
    }

    private static JsonObject Answer(GraderEngine engine, JsonNode request)
    {
        JsonObject answer;
        var failed = false;
        try
        {
            answer = engine.Grade(request["sample"]!.ToJsonString(), request["item"]?.ToJsonString() ?? "null");
        }
#pragma warning disable CA1031 // As above.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            failed = fault is not (JavaScriptException or UngradableException);
            answer = new JsonObject { ["error"] = Describe(fault) };
        }

        answer["id"] = request["id"]!.GetValue<string>();
        answer["stale"] = failed; // where memory or a limit ran out, the process is not trusted either
        return answer;
    }

    private static string Describe(Exception fault)
    {
        try
        {
            return GraderEngine.Cut(
                fault is JavaScriptException thrown ? $"{thrown.Error} (line {thrown.Location.Start.Line})" : fault.Message, LongestMessage);
        }
#pragma warning disable CA1031 // What was thrown may throw again when it is asked for its text.
        catch (Exception)
#pragma warning restore CA1031
        {
            return "The code threw something that has no text.";
        }
    }

    private void Send(JsonObject answer)
    {
        output.Write(JsonSerializer.SerializeToUtf8Bytes(answer));
        output.Write("\n"u8);
        output.Flush();
    }
}
