using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using RftService.Api.Http;

namespace RftService.Api.Hosting;

/// <summary>Requests per minute of one key; of one address where there is no valid key.</summary>
internal static class RateLimits
{
    public static void AddRftRateLimits(this IServiceCollection services) => services.AddRateLimiter(limiter =>
    {
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
        {
            if (!context.Request.Path.StartsWithSegments("/api"))
            {
                return RateLimitPartition.GetNoLimiter("open");
            }

            var permits = context.RequestServices.GetRequiredService<IOptions<LimitsOptions>>().Value.RequestsPerMinute;
            var who = context.User.FindFirst(Caller.KeyClaim)?.Value ?? context.Connection.RemoteIpAddress?.ToString() ?? "unknown";
            return RateLimitPartition.GetFixedWindowLimiter(who, _ => new FixedWindowRateLimiterOptions
            {
                PermitLimit = permits,
                Window = TimeSpan.FromMinutes(1),
                QueueLimit = 0,
            });
        });
        limiter.OnRejected = async (rejected, _) =>
        {
            var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromMinutes(1);
            var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            rejected.HttpContext.Response.Headers.RetryAfter = seconds;
            await Problems.Of(StatusCodes.Status429TooManyRequests, "too_many_requests", $"Too many requests with this key: wait {seconds} s.")
                .ExecuteAsync(rejected.HttpContext);
        };
    });
}
