using Hangfire;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.HttpLogging;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using RftService.Api.Checkpoints;
using RftService.Api.Completions;
using RftService.Api.Datasets;
using RftService.Api.Events;
using RftService.Api.Http;
using RftService.Api.Models;
using RftService.Api.OpenApi;
using RftService.Api.Rewards;
using RftService.Api.Runs;
using RftService.Data;
using RftService.Data.Jobs;
using RftService.Data.Storage;
using RftService.Grading;
using RftService.Grading.Outbound;
using RftService.Grading.Sandbox;

namespace RftService.Api.Hosting;

/// <summary>Everything the Api is made of. Nothing here touches the database: the document can be exported without one.</summary>
internal static class ServiceSetup
{
    public static void AddRftApi(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = 96 * 1024; // the templates of an upload travel in the query
        });
        services.AddOptions<StorageOptions>().BindConfiguration("Rft:Storage").ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<SandboxOptions>().BindConfiguration("Rft:Sandbox").ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<LimitsOptions>().BindConfiguration("Rft:Limits").ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>()
            .Configure<IOptions<LimitsOptions>>((kestrel, limits) => kestrel.Limits.MaxRequestBodySize = limits.Value.JsonBodyBytes);

        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new ArtifactPaths(provider.GetRequiredService<IOptions<StorageOptions>>().Value));
        services.AddDbContextPool<RftDbContext>((provider, database) => database.UseRftPostgres(ConnectionString(provider)));
        services.AddHangfire((provider, hangfire) => hangfire.UseRftStorage(ConnectionString(provider)));

        services.AddHttpContextAccessor();
        services.AddHttpLogging(log =>
        {
            log.CombineLogs = true;
            log.LoggingFields = HttpLoggingFields.RequestMethod | HttpLoggingFields.RequestPath | HttpLoggingFields.ResponseStatusCode | HttpLoggingFields.Duration;
        });
        services.AddScoped(Caller.OfRequest);
        services.AddScoped<ResourceId>();
        services.AddAuthentication(ApiKeyAuthentication.Scheme)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyAuthentication>(ApiKeyAuthentication.Scheme, null);
        services.AddAuthorizationBuilder().AddPolicy(Caller.AdminPolicy, policy => policy.RequireClaim(Caller.AdminClaim, "true"));

        services.ConfigureHttpJsonOptions(json => JsonSetup.Apply(json.SerializerOptions));
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.AddExceptionHandler<ProblemExceptionHandler>();
        services.AddRftRateLimits();
        services.AddScoped<DatasetStore>();
        services.AddScoped<ModelFiles>();
        services.AddHostedService<LeftoverSweeper>();
        services.AddOptions<OutboundOptions>().BindConfiguration("Rft:Outbound").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(provider => new GraderHost(
            provider.GetRequiredService<IOptions<OutboundOptions>>().Value, provider.GetRequiredService<IOptions<SandboxOptions>>().Value));
        services.AddSingleton<MergedModels>();
        services.AddCompletions();
        services.AddScoped<RewardPreviews>();
        services.AddRftOpenApi();

        services.AddRuns();
        services.AddRunEvents();
    }

    // Read when first needed: tests add their settings after this code has run.
    private static string ConnectionString(IServiceProvider provider) =>
        provider.GetRequiredService<IConfiguration>().GetConnectionString("Rft")
        ?? throw new InvalidOperationException("No database: set ConnectionStrings__Rft to a Postgres connection string.");
}
