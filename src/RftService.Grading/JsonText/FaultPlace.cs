using System.Text.Json;
using System.Text.RegularExpressions;

namespace RftService.Grading.JsonText;

/// <summary>
/// Where a fault of a body lies when a converter has found it below its own value: System.Text.Json tells the place of that value alone, and of
/// what the converter reads by itself a place as if it were the whole body.
/// </summary>
public static partial class FaultPlace
{
    private const string Below = "place below";

    /// <summary>A fault at a step below the value that is read.</summary>
    /// <param name="message">What was expected and what was found.</param>
    /// <param name="steps">Names and numbers that lead to it.</param>
    public static JsonException Fault(string message, params ReadOnlySpan<string> steps)
    {
        var fault = new JsonException(message);
        foreach (var step in steps)
        {
            fault.Data[Below] = (string?)fault.Data[Below] + $"['{step}']";
        }

        return fault;
    }

    /// <summary>A fault that was told as if a part of the value were the whole body.</summary>
    /// <param name="fault">What the serializer said.</param>
    /// <param name="step">Name or number of the part; absent: it is the value itself.</param>
    public static JsonException Moved(Exception fault, string? step = null)
    {
        ArgumentNullException.ThrowIfNull(fault);
        var moved = new JsonException(fault.Message, fault.InnerException);
        var path = fault is JsonException told ? Of(told) : Path().Match(fault.Message).Groups["path"].Value;
        moved.Data[Below] = (step is null ? "" : $"['{step}']") + path?.TrimStart('$');
        return moved;
    }

    /// <summary>The whole place, as `$.grader.graders['a'].max`.</summary>
    public static string? Of(JsonException fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        return fault.Path + (string?)fault.Data[Below];
    }

    [GeneratedRegex(@"Path: (?<path>\$.*?) \| LineNumber", RegexOptions.Singleline)]
    private static partial Regex Path();
}
