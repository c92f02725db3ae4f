using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Metadata;
using RftService.Grading.JsonText;

namespace RftService.Api.Http;

/// <summary>What the framework throws over a request becomes a problem. Anything else is our fault: logged, and 500 without its text.</summary>
internal sealed partial class ProblemExceptionHandler(ILogger<ProblemExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.Response.HasStarted)
        {
            return false;
        }

        await ProblemOf(httpContext, exception).ExecuteAsync(httpContext);
        return true;
    }

    private ProblemResult ProblemOf(HttpContext context, Exception exception)
    {
        var body = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint?.Metadata.GetMetadata<IAcceptsMetadata>()?.RequestType;
        switch (exception)
        {
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return Problems.ForStatus(StatusCodes.Status413PayloadTooLarge);
            // A member's name that is half of a surrogate pair; values are caught by StrictStringConverter.
            case BadHttpRequestException { InnerException: JsonException { InnerException: InvalidOperationException unreadable, Path: "$" } }:
                return Problems.Invalid(new ProblemError("", "malformed_json", "the body holds a name that is no valid Unicode: " + unreadable.Message));
            case BadHttpRequestException { InnerException: JsonException fault }:
                return Problems.Invalid(JsonFault.Explain(fault.Message, FaultPlace.Of(fault), IsSyntax(fault), body));
            case BadHttpRequestException { StatusCode: StatusCodes.Status415UnsupportedMediaType }:
                return Problems.ForStatus(StatusCodes.Status415UnsupportedMediaType);
            case BadHttpRequestException refused:
                return Refused(refused);
            case NotSupportedException { Source: "System.Text.Json" } fault:
                return Problems.Invalid(JsonFault.Explain(fault.Message, JsonFault.PathIn(fault.Message), isSyntax: false, body));
            case OperationCanceledException when context.RequestAborted.IsCancellationRequested:
                return Problems.Of(StatusCodes.Status499ClientClosedRequest, "client_closed_request", "The client went away.");
            default:
                LogUnhandled(logger, exception, context.Request.Method, context.Request.Path);
                return Problems.Of(StatusCodes.Status500InternalServerError, "internal_error", "The server failed. Tell its operator the trace_id.");
        }
    }

    private static ProblemResult Refused(BadHttpRequestException refused)
    {
        if (Binding().Match(refused.Message) is { Success: true } binding)
        {
            var name = JsonNamingPolicy.SnakeCaseLower.ConvertName(binding.Groups["name"].Value);
            return Problems.Invalid(new ProblemError(
                "?" + name, "wrong_type", $"expected {Expected(binding.Groups["type"].Value)}, got '{binding.Groups["value"].Value}'"));
        }

        if (NoBody().IsMatch(refused.Message))
        {
            return Problems.Invalid(new ProblemError("", "missing_body", "expected a JSON body, got none: see the examples at /swagger"));
        }

        return Problems.Of(refused.StatusCode, "invalid_request", refused.Message);
    }

    private static string Expected(string type) => type.TrimEnd('?') switch
    {
        "int" or "long" => "a whole number",
        "double" or "float" => "a number",
        "bool" => "true or false",
        "DateTimeOffset" => "a time as 2026-01-31T12:00:00Z",
        var other => other,
    };

    // The reader's own exceptions are a hidden subclass: only they mean that the text is no JSON.
    private static bool IsSyntax(JsonException fault) =>
        fault.GetType() != typeof(JsonException) || (fault.InnerException is JsonException inner && inner.GetType() != typeof(JsonException));

    [GeneratedRegex("""Failed to bind parameter "(?<type>[^ ]+) (?<name>[^"]+)" from "(?<value>.*)".""", RegexOptions.Singleline)]
    private static partial Regex Binding();

    [GeneratedRegex("no body was provided|was not provided from body")]
    private static partial Regex NoBody();

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private static partial void LogUnhandled(ILogger logger, Exception exception, string method, string path);
}
