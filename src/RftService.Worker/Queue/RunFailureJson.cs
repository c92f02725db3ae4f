using System.Text.Json;
using RftService.Data.Runs;

namespace RftService.Worker.Queue;

/// <summary>The failure column as the Api reads it.</summary>
internal static class RunFailureJson
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static string Write(RunFailure failure) => JsonSerializer.Serialize(failure, Options);
}
